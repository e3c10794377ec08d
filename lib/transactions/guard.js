"use strict";

// Stands while the function of a transaction runs: a call of the store itself would not be part of the transaction, which fails with that
// call's error, also where its function catches it.

const { messages, opslogError } = require("../errors/errors");

class Guard {
  #refusal = null;

  /** What a call of the store is refused with. */
  refusal() {
    this.#refusal = opslogError("OPSLOG_INVALID_ARGUMENT", messages.withinTransaction());
    return this.#refusal;
  }

  /** Throws if a call was refused. `result` is what the function returned. */
  check(result) {
    if (this.#refusal === null) return;
    // NOTE: it may be the promise of that call, which rejects with the same.
    Promise.resolve(result).catch(() => {});
    throw this.#refusal;
  }
}

module.exports = { Guard };
