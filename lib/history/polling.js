"use strict";

// Tells when the history of a store behind a backend may have more: when the store itself has logged something, and once a second, since
// no backend tells what others did.

const { clearTimeout, setImmediate, setTimeout } = require("../platform/timers");

const LOOK_MS = 1000;

class Polling {
  #isNoticed = false;
  #isEnded = false;
  #wake = null;
  #signal;
  #isBackground;
  #onAbort = () => this.notice();

  /** An aborted signal counts as a notice. In the background it does not keep the process alive. */
  constructor(signal, { isBackground }) {
    this.#signal = signal;
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
    // What is logged in one turn of the event loop is one piece.
    if (this.#wake !== null) setImmediate(this.#wake);
  }

  /** Resolves when something may have changed since `listen()`. */
  async noticed() {
    if (this.#isNoticed || this.#isEnded) return;
    let timer;
    await new Promise((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, LOOK_MS);
      if (this.#isBackground) timer.unref();
    });
    clearTimeout(timer);
    this.#wake = null;
  }

  end() {
    this.#isEnded = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#wake?.();
  }
}

module.exports = { Polling };
