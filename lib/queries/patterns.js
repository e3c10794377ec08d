"use strict";

// Regular expressions of queries: JavaScript's own, and no other engine's, so that they mean what they mean to the program.
// One that would take for ever is stopped: Node's `vm` can do that.

const { opslogError } = require("../errors/errors");
const builtins = require("../platform/builtins");

/** So long, in milliseconds, the expressions of a query may take for the strings of about 500 KB of records. */
const PATIENCE_MS = 1000;

/** Source of the one function that runs under the watch. */
const SOURCE = `(() => {
  let answers = "";
  for (let i = 0; i < questions.length; i += 2) {
    const pattern = patterns[questions[i]];
    pattern.lastIndex = 0;
    answers += test.call(pattern, questions[i + 1]) ? "1" : "0";
  }
  return answers;
})()`;

const { test } = RegExp.prototype;

class Patterns {
  #patterns;
  #context = null;
  #script = null;

  constructor(patterns) {
    this.#patterns = patterns;
  }

  /** Answers questions, which are numbers of patterns and strings in turn, with a string of 0 and 1. */
  answer(questions) {
    // NOTE: taken here, for few programs need it.
    const { vm } = builtins;
    this.#context ??= vm.createContext({ patterns: this.#patterns, test });
    this.#script ??= new vm.Script(SOURCE);
    this.#context.questions = questions;
    try {
      return this.#script.runInContext(this.#context, { timeout: PATIENCE_MS });
    } catch (cause) {
      if (cause?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw cause;
      const shown = this.#patterns.map(String).join(", ");
      const message = `the regular expression ${shown} takes too long: it was stopped after ${PATIENCE_MS} ms`;
      throw opslogError("OPSLOG_PATTERN_TIMEOUT", message, { cause });
    }
  }
}

module.exports = { Patterns };
