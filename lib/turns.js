"use strict";

// A write is done when its call returns, so that who awaits one after the other never waits for anything that comes
// from the event loop: timers, sockets and ends of checkpoints would stand still until the last one. Therefore a
// write resolves a turn of the loop later now and then.

// Taken when this is loaded: a test's fake timers would stand still with the rest.
const { setImmediate } = require("node:timers");

/** So many operations take a millisecond or two; a turn of the loop takes as long as one or two of them. */
const OPERATIONS_IN_A_TURN = 512;

class Turns {
  #operations = 0;

  /** A promise of the result of a write that was just done, of some operations. */
  after(operations, result) {
    this.#operations += operations;
    if (this.#operations < OPERATIONS_IN_A_TURN) return Promise.resolve(result);
    this.#operations = 0;
    return new Promise((resolve) => setImmediate(resolve, result));
  }
}

module.exports = { Turns };
