"use strict";

// The declared indexes of a store, and the work in the background that makes those that are missing.

const { call, settle } = require("../errors/native");
const { NativeMeter, watched } = require("../arguments/progress");
const { setImmediate } = require("../platform/timers");

/** The indexes of an open store. */
class Indexes {
  #addon;
  #core;
  #options;
  #folder;
  #isDeclared = false;
  #building = null;
  #isStopped = false;
  #failure = null;

  constructor(addon, core, options, folder) {
    this.#addon = addon;
    this.#core = core;
    this.#options = options;
    this.#folder = folder;
  }

  /** Throws if the indexes that `open()` was given cannot be declared. */
  static check(addon, { indexes }) {
    if (indexes !== undefined) call(() => addon.checkIndexes(indexes));
  }

  /** Whether there may be any. */
  get areDeclared() {
    return this.#isDeclared;
  }

  /**
   * Declares the indexes. Unique ones are made before the store can be written to; for the others opening does not wait, not even
   * for a look at whether their files are there.
   */
  async begin() {
    const { indexes } = this.#options;
    if (indexes === undefined) return;
    call(() => this.#core.declareIndexes(indexes));
    this.#isDeclared = true;
    if (indexes.includes('{"unique":true}')) await this.ready();
    else setImmediate(() => this.#ensureLater());
  }

  #ensureLater() {
    try {
      this.ensure();
    } catch (error) {
      this.#failure = error;
    }
  }

  /** A scan was begun: the order of ids, if it could have used one, is made in the background. */
  ensureOrder() {
    this.#isDeclared = true;
    this.ensure();
  }

  /** Makes what is missing, in the background. */
  ensure() {
    if (!this.#isDeclared || this.#isStopped || this.#building !== null || this.#failure !== null) return;
    if (!call(() => this.#core.wantsIndexes())) return;
    this.#building = this.#build().then(
      () => (this.#building = null),
      (error) => {
        // NOTE: what cannot be read is told by the one who waits; a search tries the records one by one.
        this.#building = null;
        this.#failure = error;
      },
    );
  }

  #build() {
    const meter = new NativeMeter(new this.#addon.NativeProgress());
    const work = () => settle(this.#core.buildIndexes(meter.progress));
    return watched(this.#options.onProgress, meter, this.#folder, work);
  }

  /** Every index is made. */
  async ready() {
    for (;;) {
      this.ensure();
      if (this.#building === null) break;
      await this.#building;
    }
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }

  /** Gives up what is being made. */
  async stop() {
    this.#isStopped = true;
    if (this.#building === null) return;
    this.#core.stopIndexes();
    await this.#building;
  }
}

module.exports = { Indexes };
