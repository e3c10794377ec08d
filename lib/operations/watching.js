"use strict";

// Looks again and again for operations of others, from one `watch()` to the next `unwatch()`. No look begins before the
// former one ended, nor sooner behind it than the interval. Where the system tells of changes, there is a look only when
// something may have changed.

const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { outOfRange, wrongType } = require("../errors/errors");
const { describe } = require("../arguments/paths");
const { clearTimeout, monotonicMs, setTimeout } = require("../platform/timers");

const failures = diagnostics.channel("opslog:watch-failed");
const DEFAULT_INTERVAL_MS = 1000;
/** The longest that a timer of Node's can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The interval of `watch()`. Zero means that a look follows the other at once, as in 0.8.1. */
function readInterval(intervalMs) {
  if (intervalMs === undefined || intervalMs === null) return DEFAULT_INTERVAL_MS;
  if (typeof intervalMs !== "number") {
    throw wrongType(`intervalMs must be a number, got ${describe(intervalMs)}`);
  }
  if (!(intervalMs >= 0 && intervalMs < Infinity)) {
    throw outOfRange(`intervalMs must be a number of milliseconds from 0 on, got ${intervalMs}`);
  }
  return intervalMs;
}

class Watching {
  #look;
  #callback;
  #intervalMs;
  #folder;
  #notices;
  #timer = null;
  #isEnded = false;

  /**
   * Begins to call `look`, which returns operations, and `callback` with them. `folder` is what failures name. `notices` tells
   * when there may be something, if anything does.
   */
  constructor({ look, callback, intervalMs, folder, notices = null }) {
    this.#look = look;
    this.#callback = callback;
    this.#intervalMs = intervalMs;
    this.#folder = folder;
    this.#notices = notices;
    this.#lookAt(monotonicMs() + intervalMs);
  }

  end() {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#notices?.end();
  }

  #lookAt(due) {
    const left = Math.max(0, due - monotonicMs());
    this.#timer = setTimeout(
      () => (left > LONGEST_TIMER_MS ? this.#lookAt(due) : this.#lookNow()),
      Math.min(left, LONGEST_TIMER_MS),
    );
  }

  async #lookNow() {
    const next = monotonicMs() + this.#intervalMs;
    // NOTE: what is written from now on is noticed, even if this look does not find it.
    this.#notices?.listen();
    let isQuiet = false;
    try {
      const operations = await this.#look();
      isQuiet = operations.length === 0;
      if (!isQuiet) this.#notices?.found();
      if (!isQuiet && !this.#isEnded) this.#callback(operations);
    } catch (error) {
      // As in 0.8.1, the next look may succeed.
      failures.publish({ folder: this.#folder, error });
    }
    if (isQuiet && !this.#isEnded) await this.#notices?.noticed();
    if (!this.#isEnded) this.#lookAt(next);
  }
}

module.exports = { readInterval, Watching };
