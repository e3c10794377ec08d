"use strict";

// The caller's line in the stack of an error that was made while other work ran, such as that of the queue or of another
// thread: the awaiting functions are known again where the call's promise settles.

const traced = new WeakSet();

/** Adds the functions that await this call to the stack of an error of ours, once. Returns the error. */
function withCaller(error) {
  if (typeof error !== "object" || error === null || typeof error.code !== "string" || traced.has(error)) {
    return error;
  }
  traced.add(error);
  try {
    const here = {};
    Error.captureStackTrace(here, withCaller);
    const { stack } = error;
    const lines = here.stack.split("\n").filter((line) => line.startsWith("    at async "));
    const added = lines.filter((line) => !stack.includes(line));
    if (added.length > 0) error.stack = [stack, ...added].join("\n");
  } catch {
    // A frozen error, or stacks that are no text.
  }
  return error;
}

module.exports = { withCaller };
