"use strict";

// The operations since the last checkpoint, as live objects: parsed when asked for, and kept, so that asking
// again costs only what is new.

const { call } = require("../errors/native");
const { parseOperations } = require("./texts");

class History {
  #core;
  #codec;
  #operations = [];
  /** Which history they are of. */
  #history = null;

  constructor(core, codec) {
    this.#core = core;
    this.#codec = codec;
  }

  get count() {
    return this.#core.operationCount();
  }

  /** All operations, in a list that the caller must not keep. */
  all() {
    // NOTE: work on another thread may change them between two of these calls, and before it is heard of.
    let history;
    do {
      history = this.#core.history();
      if (history !== this.#history) this.forget();
      this.#history = history;
      this.#complete();
    } while (history !== this.#core.history());
    return this.#operations;
  }

  #complete() {
    const count = this.#core.operationCount();
    if (this.#operations.length > count) this.#operations.length = count;
    while (this.#operations.length < count) {
      const texts = call(() => this.#core.operations(this.#operations.length));
      const more = this.#codec.operations(parseOperations(texts));
      if (more.length === 0) break;
      for (const operation of more) this.#operations.push(operation);
    }
  }

  /** The last operations were taken back. */
  cut(count) {
    this.#operations.length = Math.max(0, Math.min(this.#operations.length, count));
  }

  /** The history begins anew. */
  forget() {
    this.#operations = [];
  }
}

module.exports = { History };
