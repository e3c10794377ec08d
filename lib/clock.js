"use strict";

// A Lamport clock: orders the operations of many writers.

class LamportClock {
  #counter;

  constructor(initial = 0) {
    this.#counter = initial;
  }

  /** Counts one local event. Returns the new value. */
  tick() {
    this.#counter += 1;
    return this.#counter;
  }

  /** Moves past a value received from somebody else. Returns the new value. */
  merge(received) {
    this.#counter = Math.max(this.#counter, received) + 1;
    return this.#counter;
  }

  /** The value as it is. */
  get current() {
    return this.#counter;
  }
}

module.exports = { LamportClock };
