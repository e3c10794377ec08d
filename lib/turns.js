"use strict";

// A write is done when its call returns, so that who awaits one after the other never waits for anything that comes
// from the event loop: timers, sockets and ends of checkpoints would stand still until the last one. Therefore a
// write resolves a turn of the loop later now and then; so does every other call that may be done at once.

const { loopTurn } = require("./timers");

/** So many operations take a millisecond or two; a turn of the loop takes as long as one or two of them. */
const OPERATIONS_IN_A_TURN = 512;

class Turns {
  #operations = 0;
  /** The turn that is waited for: what is done meanwhile waits as well, so that calls resolve in their order. */
  #turn = null;

  /** A promise of the result of what was just done, of some operations. */
  after(operations, result) {
    this.#operations += operations;
    if (this.#operations >= OPERATIONS_IN_A_TURN) {
      this.#operations = 0;
      this.#turn ??= loopTurn().then(() => {
        this.#turn = null;
      });
    }
    return this.#turn === null ? Promise.resolve(result) : this.#turn.then(() => result);
  }
}

module.exports = { Turns };
