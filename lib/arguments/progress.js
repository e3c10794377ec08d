"use strict";

// How far long work has come, told to the caller's function. It is not called while the work itself runs: a timer looks
// at numbers that it sets.

const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { wrongType } = require("../errors/errors");
const { describe } = require("./paths");
const { clearInterval, setInterval } = require("../platform/timers");

const failures = diagnostics.channel("opslog:progress-failed");
const LOOK_EVERY_MS = 50;
const IDLE = "idle";

/** The `onProgress` among the options of a method, if there is one. */
function readOnProgress(options) {
  const { onProgress } = options ?? {};
  if (onProgress === undefined || onProgress === null) return undefined;
  if (typeof onProgress !== "function") {
    throw wrongType(`option onProgress must be a function, got ${describe(onProgress)}`);
  }
  return onProgress;
}

/** What native work has done, or work in JS between two pieces of it. */
class NativeMeter {
  #own = null;

  constructor(progress) {
    this.progress = progress;
  }

  reset() {
    this.progress.reset();
  }

  begin(phase, total) {
    this.#own = { phase, done: 0, total, unit: "records" };
  }

  reach(done) {
    this.#own.done = done;
  }

  end() {
    this.#own = null;
  }

  read() {
    if (this.#own !== null) return { ...this.#own };
    const { phase, unit } = this.progress;
    const [done, total] = this.progress.counts();
    return { phase, done, total, unit };
  }
}

/** What work in JS has done. */
class Meter {
  #state = { phase: IDLE, done: 0, total: 0, unit: "records" };

  reset() {
    this.begin(IDLE, 0);
  }

  begin(phase, total) {
    this.#state = { phase, done: 0, total, unit: "records" };
  }

  end() {
    this.#state = { ...this.#state, done: this.#state.total };
  }

  read() {
    return this.#state;
  }
}

/**
 * Runs work and tells `onProgress`, if there is one, how far it has come: when it has come further, and once it is done.
 * What `onProgress` throws ends the telling and not the work.
 */
async function watched(onProgress, meter, folder, work) {
  if (onProgress === undefined) return work();
  meter.reset();
  let told = meter.read();
  let isHeard = true;
  const failed = (error) => {
    isHeard = false;
    clearInterval(timer);
    failures.publish({ folder, error });
  };
  const tell = (state) => {
    const isKnown = state.phase === told.phase && state.done === told.done && state.total === told.total;
    if (!isHeard || isKnown || state.phase === IDLE) return;
    told = state;
    try {
      const returned = onProgress({ ...state });
      if (typeof returned?.then === "function") returned.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  };
  const timer = setInterval(() => tell(meter.read()), LOOK_EVERY_MS);
  try {
    const result = await work();
    const { phase, total, unit } = meter.read();
    tell({ phase, done: total, total, unit });
    return result;
  } finally {
    clearInterval(timer);
  }
}

module.exports = { Meter, NativeMeter, readOnProgress, watched };
