"use strict";

// One walk over all records inside a batch that keeps none of them. What the batch changes meanwhile is seen as by the walk
// of a Map, which 0.8.1 makes: a changed record that is still to come is seen as it is then, a new one at the end, a
// deleted one not at all.

/** What a changed record is until it is visited. */
const UNREAD = Symbol("unread");

class LiveWalk {
  #pass;
  #ids = [];
  #values = [];
  #at = 0;
  /** The records that are still to come, from the first change on. */
  #rest = null;
  #existed = false;

  /** Begins a walk that takes its records from a pass. */
  constructor(pass) {
    this.#pass = pass;
  }

  /** Yields the id and value of each record; `UNREAD` is for one that changed. */
  *[Symbol.iterator]() {
    while (this.#rest === null) {
      // NOTE: a piece may have no record in it.
      while (this.#at === this.#ids.length) if (!this.#take()) return;
      yield this.#next();
    }
    yield* this.#rest;
  }

  /** The record is about to be set or deleted; `exists` tells whether it is there. */
  beforeChange(exists) {
    this.#existed = exists;
    if (this.#rest !== null) return;
    const rest = new Map();
    do {
      while (this.#at < this.#ids.length) rest.set(...this.#next());
    } while (this.#take());
    this.#rest = rest;
  }

  /** The record was set. */
  changed(id) {
    // One that was visited already stays behind the walk.
    if (this.#rest.has(id) || !this.#existed) this.#rest.set(id, UNREAD);
  }

  /** The record was deleted. */
  deleted(id) {
    this.#rest.delete(id);
  }

  #take() {
    const piece = this.#pass.next();
    [this.#ids, this.#values] = piece ?? [[], []];
    this.#at = 0;
    return piece !== null;
  }

  #next() {
    const at = this.#at++;
    return [this.#ids[at], this.#values[at]];
  }
}

module.exports = { LiveWalk, UNREAD };
