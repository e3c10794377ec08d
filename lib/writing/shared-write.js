"use strict";

// Changes that are called one right after the other share a write. The first is written at the call, as any other;
// those that follow before a microtask could run are held on the native side, and written together: in that
// microtask, or before anything looks or waits for its turn. No caller sees a change before its bytes are in the file.

const { inMicrotask } = require("../platform/timers");

class SharedWrite {
  #work;
  /** Whether a change was made since a microtask could run. */
  #follows = false;
  #held = null;
  #endStretch = () => {
    this.#follows = false;
    this.settle();
  };

  /**
   * `work` says how: `begin()` lets changes be held, `commit()` writes them, or throws. Then `done()` is
   * called with what it returned and the number of changes, and returns what the calls wait for, or `lost()` with the
   * ids, whose changes were taken back.
   */
  constructor(work) {
    this.#work = work;
  }

  /** Whether the change that is about to be made is to be held, and joined. */
  next() {
    if (!this.#follows) {
      this.#follows = true;
      inMicrotask(this.#endStretch);
      return false;
    }
    if (this.#held === null) {
      this.#work.begin();
      this.#held = newGroup();
    }
    return true;
  }

  /** The next change is written at its call. */
  interrupt() {
    this.#follows = false;
  }

  /** A change is held. Returns the promise of its write; with `now`, that happens before anything else. */
  join(id, now) {
    const held = this.#held;
    held.ids.push(id);
    // Each call has a promise of its own: who does not look at a failure is told of it.
    const promise = held.promise.then();
    if (now) this.settle();
    return promise;
  }

  /** Writes what is held. Its failure is that of the calls concerned, and of no others. */
  settle() {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    let code;
    try {
      code = this.#work.commit();
    } catch (error) {
      this.#work.lost(held.ids);
      held.reject(error);
      return;
    }
    try {
      held.resolve(this.#work.done(code, held.ids.length));
    } catch (error) {
      held.reject(error);
    }
  }
}

function newGroup() {
  const group = { ids: [] };
  group.promise = new Promise((resolve, reject) => Object.assign(group, { resolve, reject }));
  // For a group that no call joined, because its first change was refused.
  group.promise.catch(() => {});
  return group;
}

module.exports = { SharedWrite };
