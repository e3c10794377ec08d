"use strict";

// Lines that 0.8.1 prints on the console, where programs and tests look for them.

// NOTE: the object is taken at load, as it is gone when a test framework has torn its globals down; its method is looked
// up at each call, as tests spy on that.
const { console } = globalThis;
const { printable } = require("./printable");

function warn(line) {
  console.error(printable(line));
}

module.exports = { warn };
