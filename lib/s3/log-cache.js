"use strict";

// What was read of logs, within a limit of bytes: the log that was read longest ago is forgotten first. A part never changes, so that
// what is here stays right; what is forgotten is read again.

/** About how many bytes of memory an operation takes for each byte of its line. */
const MEMORY_FACTOR = 3;

class LogCache {
  #limitBytes;
  #logs = new Map();
  #bytes = 0;

  constructor(limitBytes) {
    this.#limitBytes = limitBytes;
  }

  /** What is known of a log: its `operations`, the `last` path that they come from and the number of the `next` part. */
  get(log) {
    const known = this.#logs.get(log);
    if (known === undefined) return undefined;
    this.#logs.delete(log);
    this.#logs.set(log, known);
    return known;
  }

  set(log, known) {
    this.forget(log);
    this.#logs.set(log, known);
    this.#bytes += known.bytes * MEMORY_FACTOR;
    for (const [oldest] of this.#logs) {
      if (this.#bytes <= this.#limitBytes) return;
      this.forget(oldest);
    }
  }

  forget(log) {
    const known = this.#logs.get(log);
    if (known === undefined) return;
    this.#bytes -= known.bytes * MEMORY_FACTOR;
    this.#logs.delete(log);
  }

  clear() {
    this.#logs.clear();
    this.#bytes = 0;
  }
}

module.exports = { LogCache };
