"use strict";

// The end of the process, at which what stores have buffered is flushed.

const { process } = require("../platform/builtins");

let isAwaited = false;

/** Has what is buffered flushed when the process exits, or this worker thread ends. */
function flushAtExit(addon, core) {
  core.flushAtExit();
  if (isAwaited) return;
  isAwaited = true;
  process.once("exit", () => addon.flushAll());
}

module.exports = { flushAtExit };
