"use strict";

// Tells when a folder may have changed: by the system's notification, so that an idle follower costs nothing. Behind it the
// folder is looked at now and then, for file systems that do not notify, and often where one has missed a change.

const { fs } = require("../platform/builtins");
const { clearTimeout, setTimeout } = require("../platform/timers");

const IDLE_LOOK_MS = 1000;
const BUSY_LOOK_MS = 20;
/** So many notices during one look are more work than looking without them. */
const MANY = 256;

class Notices {
  #folder;
  #watcher = null;
  #isSupported = true;
  /** Whether something was noticed since `listen()`, and how often. */
  #count = 0;
  #wake = null;
  #timer = null;
  #interval = IDLE_LOOK_MS;
  /** Whether the last wait ended without a notice. */
  #wasLook = false;
  #isEnded = false;
  #signal;
  #isBackground;
  #onAbort = () => this.notice();

  /** Notices changes in a folder. An aborted signal counts as one. In the background it does not keep the process alive. */
  constructor(folder, signal, { isBackground = false } = {}) {
    this.#folder = folder;
    this.#isBackground = isBackground;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Changes from now on are noticed. */
  listen() {
    if (this.#watcher !== null && this.#count > MANY) this.#unwatch();
    this.#count = this.#signal?.aborted === true ? 1 : 0;
  }

  /** Something may have changed. */
  notice() {
    this.#count++;
    this.#wasLook = false;
    this.#wake?.();
  }

  /** Resolves when something may have changed since `listen()`. */
  async noticed() {
    if (this.#isEnded || this.#count > 0) return;
    // What was found by looking was not notified of.
    if (this.#watcher === null && this.#isSupported) return this.#watch();
    await new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(() => {
        this.#wasLook = true;
        resolve();
      }, this.#interval);
      if (this.#isBackground) this.#timer.unref();
    });
    clearTimeout(this.#timer);
    this.#wake = null;
    this.#interval = this.#wasLook ? Math.min(2 * this.#interval, IDLE_LOOK_MS) : this.#interval;
  }

  /** Something was found: if no notice led to it, the next look comes soon. */
  found() {
    if (this.#wasLook || !this.#isSupported) this.#interval = BUSY_LOOK_MS;
  }

  end() {
    this.#isEnded = true;
    this.#unwatch();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#wake?.();
  }

  /** Begins to be notified. The caller looks once more: what came before this is not. */
  #watch() {
    try {
      this.#watcher = fs.watch(this.#folder, { persistent: !this.#isBackground }, () => this.notice());
      this.#watcher.on("error", () => this.#giveUp());
    } catch {
      this.#giveUp();
    }
  }

  #giveUp() {
    this.#unwatch();
    this.#isSupported = false;
    this.#interval = BUSY_LOOK_MS;
  }

  #unwatch() {
    this.#watcher?.close();
    this.#watcher = null;
  }
}

module.exports = { Notices };
