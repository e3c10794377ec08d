"use strict";

// Deleting history, natively: when a caller asks for it, and after each checkpoint of a store that keeps only a part.

const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { NativeMeter, watched } = require("../arguments/progress");
const { limitsOf } = require("../arguments/retention");
const { now } = require("../arguments/values");

const failures = diagnostics.channel("opslog:prune-failed");

class Pruning {
  #addon;
  #folder;
  #retain;
  #prune;

  /** `prune(options, progress)` carries it out: it returns the files and bytes, `null` while a checkpoint runs. */
  constructor(addon, folder, retain, prune) {
    this.#addon = addon;
    this.#folder = folder;
    this.#retain = retain;
    this.#prune = prune;
  }

  /** What `prune()` was asked for. Without limits of its own, those go that the store was opened with. */
  async run({ limits, dryRun, signal, onProgress }) {
    signal?.throwIfAborted();
    const progress = new this.#addon.NativeProgress();
    const abandon = () => progress.abandon();
    signal?.addEventListener("abort", abandon);
    try {
      const options = {
        ...(limits ?? this.#limits()),
        withSnapshots: true,
        dryRun,
        atOnce: false,
        now: now(),
      };
      const work = () => this.#prune(options, progress);
      const pruned = await watched(onProgress, new NativeMeter(progress), this.#folder, work);
      signal?.throwIfAborted();
      const [files, bytes] = pruned ?? [0, 0];
      return { files, bytes };
    } finally {
      signal?.removeEventListener("abort", abandon);
    }
  }

  /** Deletes what is beyond the limits that the store was opened with. A failure fails no call: the next checkpoint tries again. */
  async retain() {
    if (this.#retain === undefined) return;
    const options = { ...this.#limits(), withSnapshots: false, dryRun: false, atOnce: true, now: now() };
    try {
      await this.#prune(options, new this.#addon.NativeProgress());
    } catch (error) {
      failures.publish({ folder: this.#folder, error });
    }
  }

  #limits() {
    return this.#retain === undefined ? {} : limitsOf(this.#retain);
  }
}

module.exports = { Pruning };
