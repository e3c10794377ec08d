"use strict";

// One walk over all records that keeps none of them: pieces of JSON text, read as they are needed. Before anything
// changes, what is left is read at once, so that the walk sees the records as they were when it began.

const { call } = require("../errors/native");

/** Parses a list that came from the native side. */
function parseList(core, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    // A record of the snapshot was damaged after it was written: this says which one.
    call(() => core.checkSnapshot());
    throw error;
  }
}

/** Parses ids and values in lists beside each other, which came from the native side. */
function parsePiece(core, text) {
  const piece = parseList(core, text);
  const [ids, values, absent] = piece;
  // NOTE: a comma in the place of another character may leave what reads as a list.
  if (ids.length !== values.length) call(() => core.checkSnapshot());
  if (absent !== undefined) for (const at of absent) values[at] = undefined;
  return piece;
}

class Pass {
  #core;
  #codec;
  #begun = false;
  #seen = 0;
  #left = null;
  #changed = new Set();
  #allChanged = false;
  #ids = [];
  #values = [];
  /** Which record of the piece is being visited, -1 for none. */
  at = -1;

  constructor(core, codec) {
    this.#core = core;
    this.#codec = codec;
  }

  /** The next records, as lists of ids and values; `null` when there are no more. */
  next() {
    const piece = this.#left === null ? this.#take() : (this.#left.shift() ?? null);
    [this.#ids, this.#values] = piece ?? [[], []];
    this.at = -1;
    return piece;
  }

  /** The object of the record that is being visited, if that is `id` and is still the same; `undefined` for others. */
  visited(id) {
    return id === this.#ids[this.at] && !this.hasChanged(id) ? this.#values[this.at] : undefined;
  }

  /** Puts the object of the record that is being visited into a Map of all records, unless that has it. */
  giveVisited(map) {
    const id = this.#ids[this.at];
    const value = this.visited(id);
    if (value !== undefined && map.has(id)) map.set(id, value);
  }

  /** The record is another since the walk began; without an id, any of them may be. */
  changed(id) {
    if (id === undefined) this.#allChanged = true;
    else this.#changed.add(id);
  }

  get hasChanges() {
    return this.#allChanged || this.#changed.size > 0;
  }

  hasChanged(id) {
    return this.#allChanged || (this.#changed.size > 0 && this.#changed.has(id));
  }

  /** Reads what is left: something is about to change, or another walk needs the native cursor. */
  detach() {
    if (this.#left !== null) return;
    const left = [];
    for (let piece = this.#take(); piece !== null; piece = this.#take()) left.push(piece);
    this.#left = left;
  }

  #take() {
    const text = this.#read();
    if (text === null) return null;
    if (text === "") return this.#again();
    const piece = this.#codec.piece(parsePiece(this.#core, text));
    this.#seen += piece[0].length;
    return piece;
  }

  /** Another thread has put the same records into another file: goes on behind those that were seen. */
  #again() {
    for (;;) {
      this.#begun = false;
      let skip = this.#seen;
      let text = this.#read();
      for (; text; text = this.#read()) {
        const [ids, values] = parsePiece(this.#core, text);
        const fresh = this.#codec.piece([ids.slice(skip), values.slice(skip)]);
        skip = Math.max(0, skip - ids.length);
        if (fresh[0].length === 0) continue;
        this.#seen += fresh[0].length;
        return fresh;
      }
      if (text === null) return [[], []];
    }
  }

  #read() {
    const restart = !this.#begun;
    this.#begun = true;
    return call(() => this.#core.scan(restart));
  }
}

module.exports = { Pass, parseList, parsePiece };
