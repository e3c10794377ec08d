"use strict";

// Tells when the history of a store behind a backend may have more: when the store itself has logged something, and once a second, since
// no backend tells what others did.

const { setImmediate } = require("../platform/timers");
const { Notices } = require("./notices");

const LOOK_MS = 1000;

class Polling extends Notices {
  /** An aborted signal counts as a notice. In the background it does not keep the process alive. Where no other store writes, no look is needed. */
  constructor(signal, { isBackground, isNeeded }) {
    super(signal, { lookMs: isNeeded ? LOOK_MS : null, isBackground });
  }

  /** What is logged in one turn of the event loop is one piece. */
  wake(waiting) {
    setImmediate(waiting);
  }
}

module.exports = { Polling };
