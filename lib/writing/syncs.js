"use strict";

// Who waits for a sync. All that is written in one go shares a ticket, which is asked for in a microtask, so
// that one sync covers it all. Natively, what is asked for while a sync runs shares the next one.

const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { decode } = require("../errors/native");
const { inMicrotask } = require("../platform/timers");

const failures = diagnostics.channel("opslog:sync-failed");

/** The calls that wait, by ticket. Holds the core as long as one waits, and no longer: the native side holds this. */
class Waiting {
  #folder;
  #groups = [];

  constructor(folder) {
    this.#folder = folder;
  }

  add(group) {
    this.#groups.push(group);
  }

  /** Tickets up to `durable` are durable; with a reason, the others never will be. */
  settle(durable, reason) {
    let count = 0;
    while (count < this.#groups.length && this.#groups[count].ticket <= durable) count++;
    for (const group of this.#groups.splice(0, count)) group.resolve();
    if (reason === null) return;
    for (const group of this.#groups.splice(0)) group.reject(decode({ message: reason }));
    failures.publish({ folder: this.#folder, error: decode({ message: reason }) });
  }
}

class Syncs {
  #core;
  #waiting;
  #gathering = null;
  #isAlways;

  /** Starts syncing what is written to the store of a folder; with `always`, writers wait for it. */
  constructor(core, folder, always) {
    this.#core = core;
    this.#isAlways = always;
    const waiting = new Waiting(folder);
    this.#waiting = waiting;
    core.startSyncing((durable, reason) => waiting.settle(durable, reason));
  }

  /** What a write waits for that was just made. */
  written() {
    return this.#isAlways ? this.all() : undefined;
  }

  /** A promise that resolves when all that was written up to now is durable. */
  all() {
    this.#gathering ??= this.#gather();
    // Each caller has a promise of its own: who does not look at a failure is told of it.
    return this.#gathering.promise.then();
  }

  #gather() {
    // NOTE: with the core the syncs would be collected, and no call would hear of them.
    const group = { ticket: 0, core: this.#core };
    group.promise = new Promise((resolve, reject) => {
      group.resolve = resolve;
      group.reject = reject;
    });
    inMicrotask(() => {
      this.#gathering = null;
      try {
        group.ticket = this.#core.askForSync();
        this.#waiting.add(group);
      } catch (error) {
        group.reject(decode(error));
      }
    });
    return group;
  }
}

module.exports = { Syncs };
