"use strict";

// When checkpoints of a file store run: one at a time, on another thread. Crossings meanwhile are joined into
// the next one. An automatic one that fails is reported, its operations count again, and the next waits.

const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { monotonicMs } = require("../platform/timers");

const failures = diagnostics.channel("opslog:checkpoint-failed");
const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;

class Checkpoints {
  #root;
  #work;
  #afterwards;
  #running = null;
  #next = null;
  /** Other work that is under way, or waits. */
  #asides = new Set();
  #backoffMs = 0;
  #notBefore = 0;

  /**
   * `work` says how: `begin(all, isAutomatic)` begins one and returns the promise of its end; with `all`, everything up to
   * now is taken along, without, what was there when the history was hidden. An automatic one is left out where it is not due any more. `hide()` lets the history start
   * anew for a later one, `show()` takes that back, `isPending()` tells whether it was so. `onFrozen()` is
   * called when the history starts anew, `onPublished()` when a new manifest is in force. `afterwards` is called behind
   * each, before another begins, and does not reject.
   */
  constructor(root, work, afterwards) {
    this.#root = root;
    this.#work = work;
    this.#afterwards = afterwards;
  }

  /** Runs other work while no checkpoint is under way, and none begins before it has ended. */
  aside(work) {
    const aside = this.#alone(async () => {
      const running = work();
      this.#running = running;
      try {
        return await running;
      } finally {
        this.#ended();
      }
    });
    this.#asides.add(aside);
    const ended = () => this.#asides.delete(aside);
    aside.then(ended, ended);
    return aside;
  }

  /** The threshold was crossed: the native side has let the history start anew. */
  cross() {
    if (this.#running === null) this.#crossed();
    else this.#work.onFrozen();
  }

  /** A checkpoint of everything up to now. Resolves when it is published. */
  request() {
    if (this.#running === null && this.#next === null) return this.#start(true);
    this.#work.hide();
    this.#work.onFrozen();
    this.#next ??= this.#alone(() => {
      this.#next = null;
      return this.#start(false);
    });
    return this.#next;
  }

  /** Resolves when no checkpoint, and no other work, is under way or asked for. */
  async finish() {
    while (this.#running !== null || this.#next !== null || this.#asides.size > 0)
      await Promise.allSettled([this.#running, this.#next, ...this.#asides]);
  }

  /** Begins something when nothing is under way, however the last one ended. */
  async #alone(begin) {
    while (this.#running !== null) await this.#running.catch(() => {});
    // NOTE: at once: whatever else waits for this could begin in between.
    return begin();
  }

  /** With `all`, everything up to now is taken along; without, what was there when the history was hidden. */
  #start(all, isAutomatic = false) {
    let running;
    try {
      running = this.#work.begin(all, isAutomatic).then(this.#afterwards);
    } catch (error) {
      this.#work.show();
      this.#work.onFrozen();
      this.#backOff();
      return Promise.reject(error);
    }
    this.#work.onFrozen();
    this.#running = running;
    return running.then(
      () => {
        this.#work.onPublished();
        this.#backoffMs = 0;
        this.#notBefore = 0;
        this.#ended();
      },
      (error) => {
        this.#work.onFrozen();
        this.#backOff();
        this.#ended();
        throw error;
      },
    );
  }

  #ended() {
    this.#running = null;
    if (this.#next === null && this.#work.isPending()) this.#crossed();
  }

  #crossed() {
    this.#work.onFrozen();
    // The one that was asked for takes it along.
    if (this.#next !== null) return;
    if (monotonicMs() >= this.#notBefore) this.#startInBackground();
    // The last one failed and it is too early for another: the operations still count.
    else this.#work.show();
  }

  #startInBackground() {
    this.#start(false, true).catch((error) => failures.publish({ folder: this.#root, error }));
  }

  #backOff() {
    this.#backoffMs = Math.min(LONGEST_BACKOFF_MS, this.#backoffMs * 2 || FIRST_BACKOFF_MS);
    this.#notBefore = monotonicMs() + this.#backoffMs;
  }
}

module.exports = { Checkpoints };
