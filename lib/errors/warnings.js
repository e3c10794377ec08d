"use strict";

// Lines that 0.8.1 prints on the console, where programs and tests look for them. And failures that no call could be told of, as
// warnings of the process.

// NOTE: the object is taken at load, as it is gone when a test framework has torn its globals down; its method is looked
// up at each call, as tests spy on that.
const { console } = globalThis;
const { printable } = require("./printable");
const { process } = require("../platform/builtins");

function warn(line) {
  console.error(printable(line));
}

/** Tells a failure as a warning of the process, whose `cause` it is. */
function tellFailure(code, what, cause) {
  const warning = new Error(printable(`${what}: ${cause?.message ?? String(cause)}`), { cause });
  process.emitWarning(Object.assign(warning, { name: "Warning", code }));
}

module.exports = { tellFailure, warn };
