"use strict";

// What was read of logs, within a limit of bytes: the log that was read longest ago is forgotten first. A part never changes, so that
// what is here stays right; what is forgotten is read again.

const { Buffer } = require("../platform/builtins").buffer;

/** Bodies are held in pieces of about so many bytes: a log may have many small ones. */
const PIECE = 64 << 10;
const NEWLINE = Buffer.from("\n");

const isEnded = (piece) => piece.at(-1) === NEWLINE[0];

/** These bodies of lines and one more. The list is a new one. */
function withBody(bodies, body) {
  if (body.length === 0) return bodies;
  const last = bodies.at(-1);
  if (last === undefined || last.length + body.length > PIECE) return [...bodies, body];
  const pieces = isEnded(last) ? [last, body] : [last, NEWLINE, body];
  return [...bodies.slice(0, -1), Buffer.concat(pieces)];
}

class LogCache {
  #limitBytes;
  #logs = new Map();
  #bytes = 0;

  constructor(limitBytes) {
    this.#limitBytes = limitBytes;
  }

  /** What is known of a log: its `bodies` of lines, the `last` path that they come from and the number of the `next` part. */
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
    this.#bytes += known.bytes;
    for (const [oldest] of this.#logs) {
      if (this.#bytes <= this.#limitBytes) return;
      this.forget(oldest);
    }
  }

  forget(log) {
    const known = this.#logs.get(log);
    if (known === undefined) return;
    this.#bytes -= known.bytes;
    this.#logs.delete(log);
  }

  clear() {
    this.#logs.clear();
    this.#bytes = 0;
  }
}

module.exports = { LogCache, withBody };
