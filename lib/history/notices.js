"use strict";

// Notices that the history of a store may have more, for a feed that waits.

const { clearTimeout, setTimeout } = require("../platform/timers");

class Notices {
  #isNoticed = false;
  #isEnded = false;
  #waiting = null;
  #signal;
  #lookMs;
  #isBackground;
  #onAbort = () => this.notice();

  /** An aborted signal counts as a notice, and so does the end of `lookMs`, if that is given. In the background, that time keeps no process alive. */
  constructor(signal, { lookMs = null, isBackground = false } = {}) {
    this.#signal = signal;
    this.#lookMs = lookMs;
    this.#isBackground = isBackground;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** What happens from now on is noticed. */
  listen() {
    this.#isNoticed = this.#signal?.aborted === true;
  }

  found() {}

  /** Something may have changed. */
  notice() {
    this.#isNoticed = true;
    if (this.#waiting !== null) this.wake(this.#waiting);
  }

  /** Lets what waits go on. */
  wake(waiting) {
    waiting();
  }

  /** Resolves when something may have changed since `listen()`. */
  async noticed() {
    if (this.#isNoticed || this.#isEnded) return;
    let timer = null;
    await new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#lookMs !== null) timer = setTimeout(resolve, this.#lookMs);
      if (this.#isBackground) timer?.unref();
    });
    if (timer !== null) clearTimeout(timer);
    this.#waiting = null;
  }

  end() {
    this.#isEnded = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#waiting?.();
  }
}

module.exports = { Notices };
