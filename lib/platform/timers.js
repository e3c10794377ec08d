"use strict";

// Node's own timers and clock, taken when the package is loaded. Test frameworks put fakes into their places (Jest, sinon,
// vitest), with which a call of this package would never settle. The JS clock, which tells the time of an operation, is
// the exception: see `now()` in values.js.

const { process, timers } = require("./builtins");

/** Node's own function, also where a fake stands in its place already. */
function own(name) {
  const found = timers[name];
  // This is how @sinonjs/fake-timers keeps what it replaced; sinon, Jest and vitest use it.
  const kept = found.clock?.timersModuleMethods?.find(({ methodName }) => methodName === name);
  return kept?.original ?? found;
}

const clearInterval = own("clearInterval");
const clearTimeout = own("clearTimeout");
const setImmediate = own("setImmediate");
const setInterval = own("setInterval");
const setTimeout = own("setTimeout");
const { bigint } = process.hrtime;

const settled = Promise.resolve();

/** Resolves after a turn of the event loop. */
function loopTurn() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves after that many milliseconds. */
function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs `work`, which must not throw, when what runs now has ended and before anything that comes from the event loop. */
function inMicrotask(work) {
  settled.then(work);
}

/** Milliseconds since some moment, by a clock that never jumps. */
function monotonicMs() {
  return Number(bigint()) / 1e6;
}

module.exports = {
  clearInterval,
  clearTimeout,
  delay,
  inMicrotask,
  loopTurn,
  monotonicMs,
  setImmediate,
  setInterval,
  setTimeout,
};
