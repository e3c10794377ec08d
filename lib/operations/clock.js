"use strict";

// A Lamport clock: orders the operations of many writers.

const { outOfRange, wrongType } = require("../errors/errors");
const { describe } = require("../arguments/paths");

class LamportClock {
  #counter;

  constructor(initial = 0) {
    this.#counter = readClock(initial, "initial");
  }

  /** Counts one local event. Returns the new value. */
  tick() {
    this.#counter += 1;
    return this.#counter;
  }

  /** Moves past a value received from another writer. Returns the new value. */
  merge(received) {
    this.#counter = Math.max(this.#counter, readClock(received, "received")) + 1;
    return this.#counter;
  }

  /** The value as it is. */
  get current() {
    return this.#counter;
  }
}

/** A clock's value: what is no finite number would stay, and order nothing any more. */
function readClock(value, what) {
  if (typeof value !== "number") throw wrongType(`${what} must be a number, got ${describe(value)}`);
  if (!Number.isFinite(value)) throw outOfRange(`${what} must be a finite number, got ${value}`);
  return value;
}

module.exports = { LamportClock };
