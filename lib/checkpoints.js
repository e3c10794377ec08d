"use strict";

// When checkpoints of a file store run: one at a time, on another thread. Crossings meanwhile are joined into
// the next one. An automatic one that fails is reported, its operations count again, and the next waits.

const diagnostics = require("node:diagnostics_channel");
const { call, settle } = require("./native-errors");
const { now } = require("./values");

const failures = diagnostics.channel("opslog:checkpoint-failed");
const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;

class Checkpoints {
  #core;
  #root;
  #onFrozen;
  #running = null;
  #next = null;
  #backoffMs = 0;
  #notBefore = 0;

  /** `onFrozen` is called when the history starts anew. */
  constructor(core, root, onFrozen) {
    this.#core = core;
    this.#root = root;
    this.#onFrozen = onFrozen;
  }

  /** The threshold was crossed: the native side has let the history start anew. */
  cross() {
    this.#onFrozen();
    if (this.#running === null && Date.now() >= this.#notBefore) this.#startInBackground();
  }

  /** A checkpoint of everything up to now. Resolves when it is published. */
  request() {
    if (this.#running === null) return this.#start(true);
    this.#core.hideHistory();
    this.#onFrozen();
    this.#next ??= this.idle().then(() => {
      this.#next = null;
      return this.#start(false);
    });
    return this.#next;
  }

  /** Resolves when no checkpoint is under way, however the last one ended. */
  async idle() {
    while (this.#running !== null) await this.#running.catch(() => {});
  }

  /** Resolves when no checkpoint is under way or asked for. */
  async finish() {
    while (this.#running !== null || this.#next !== null) {
      await this.idle();
      await this.#next?.catch(() => {});
    }
  }

  /** With `all`, everything up to now is taken along; without, what was there when the history was hidden. */
  #start(all) {
    try {
      call(() => this.#core.beginCheckpoint(now(), all));
    } catch (error) {
      return Promise.reject(error);
    }
    this.#onFrozen();
    const running = settle(this.#core.runCheckpoint());
    this.#running = running;
    const ended = () => {
      this.#running = null;
      if (this.#next === null && this.#core.isCheckpointPending() && Date.now() >= this.#notBefore) {
        this.#startInBackground();
      }
    };
    return running.then(
      () => {
        this.#backoffMs = 0;
        this.#notBefore = 0;
        ended();
      },
      (error) => {
        this.#onFrozen();
        this.#backOff();
        ended();
        throw error;
      },
    );
  }

  #startInBackground() {
    this.#start(false).catch((error) => {
      this.#backOff();
      failures.publish({ folder: this.#root, error });
    });
  }

  #backOff() {
    this.#backoffMs = Math.min(LONGEST_BACKOFF_MS, this.#backoffMs * 2 || FIRST_BACKOFF_MS);
    this.#notBefore = Date.now() + this.#backoffMs;
  }
}

module.exports = { Checkpoints };
