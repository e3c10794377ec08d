"use strict";

// Positions in the history of a store in a folder: the one behind what the store shows, and the history behind one.

const { path } = require("../platform/builtins");
const { call, settle } = require("../errors/native");
const { Notices } = require("../fs/notices");

class Positions {
  #addon;
  #core;
  #folder;
  #readOnly;
  #isAgent;
  #flush;
  #flushShown;

  /** `flush()` writes all that is buffered to the log, `flushShown()` the operations that the records show already. */
  constructor(addon, core, { folder, readOnly, isAgent, flush, flushShown }) {
    this.#addon = addon;
    this.#core = core;
    this.#folder = folder;
    this.#readOnly = readOnly;
    this.#isAgent = isAgent;
    this.#flush = flush;
    this.#flushShown = flushShown;
  }

  /** The position behind the last operation that the store shows; within a batch, behind the last one before it. */
  current(isInBatch) {
    this.#logShown(isInBatch);
    return call(() => this.#core.position());
  }

  /** As `current()`, for listeners: with what the store knows of the operations up to there. */
  known(isInBatch) {
    this.#logShown(isInBatch);
    return call(() => this.#core.knownPosition());
  }

  #logShown(isInBatch) {
    if (!this.#readOnly && !isInBatch) this.#flushShown();
  }

  isPosition(text) {
    return this.#addon.isPosition(text);
  }

  /** Begins to read the history; `wanted` is what `readWanted()` made of the caller's options. */
  changes(wanted) {
    if (!this.#readOnly) this.#flush();
    return settle(this.#addon.changes(this.#folder, { ...wanted, writes: !this.#readOnly }));
  }

  /** As `changes()` of all that comes behind a known position; what was undone of what is known comes first. */
  changesBehind(known) {
    const writes = !this.#readOnly;
    if (writes) this.#flush();
    return settle(known.changes(this.#folder, writes));
  }

  /** Tells when there may be more of it. What only this store writes keeps no process alive `forListeners`. */
  notices(signal, forListeners) {
    const isBackground = forListeners && !this.#isAgent && !this.#readOnly;
    return new Notices(path.join(this.#folder, "ops"), signal, { isBackground });
  }
}

module.exports = { Positions };
