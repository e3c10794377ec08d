"use strict";

// The one order of mutations: what was called first takes effect first, awaited or not. While nothing waits,
// a plain append takes effect at the call, and never comes here. Everything else runs in a microtask of its own, and appends that
// were called behind it run together, in order, once it is done.

const { CallerContext } = require("./caller-context");
const { inMicrotask, loopTurn } = require("../platform/timers");
const { count, countRefusal } = require("./turns");

/** What an append returns that must wait for another agent. */
const RETRY = Symbol("retry");
/** So many appends share a wait: other agents let them pass meanwhile. */
const MOST_TOGETHER = 64;

class MutationQueue {
  #waiting = [];
  #draining = false;
  /** Which of those that wait runs; -1 before the first. */
  #at = -1;
  #agents;
  /** How many appends have shared the last wait that was not let go; 0 for none. */
  #together = 0;
  /** What became of tasks that share a lock that is still held: their callers hear of it when other agents can go on. */
  #outcomes = [];

  /**
   * `agents.waitFor()` is awaited before an append that returned RETRY is tried again. `agents.letGo()` is called when no append follows
   * that shares this wait, and before the event loop has a turn. `agents.areKeptOut()` tells whether the lock is held that tasks share,
   * `agents.mayBeThere()` whether there is such a lock.
   */
  constructor(agents) {
    this.#agents = agents;
  }

  /** Whether something runs or waits. */
  get isBusy() {
    return this.#draining;
  }

  /** Runs an append in its turn: its caller has seen that something runs or waits. Returns a promise of its result. */
  append(task) {
    return this.#enqueue(task, true);
  }

  /** Runs an append again, which has returned RETRY while nothing waited. Returns a promise of its result. */
  retry(task) {
    return this.#enqueue(task, true, { late: true });
  }

  /** Runs a task that nothing may overtake. Returns a promise of its result. With `alone`, it is one of a kind that share a lock. */
  run(task, { alone = false } = {}) {
    return this.#enqueue(task, false, { alone });
  }

  /** As `run`, before all that waits: behind what runs, if it has begun. */
  runNext(task) {
    return this.#enqueue(task, false, { first: true });
  }

  /** Whether behind the task that runs comes another one that shares its lock. */
  get isFollowedAlone() {
    return this.#waiting[this.#at + 1]?.alone === true;
  }

  /** With `late`, the task was tried, and must wait for another agent before it is tried again. */
  #enqueue(task, plain, { late = false, alone = false, first = false } = {}) {
    return new Promise((resolve, reject) => {
      // What runs first runs in a microtask of this call, and so in its context.
      const context = this.#draining ? new CallerContext() : null;
      const run = context === null ? task : () => context.run(task);
      const place = first ? this.#at + 1 : this.#waiting.length;
      this.#waiting.splice(place, 0, { task: run, plain, late, alone, resolve, reject });
      if (this.#draining) return;
      this.#draining = true;
      inMicrotask(() => this.#drain());
    });
  }

  async #drain() {
    for (let next = 0; next < this.#waiting.length; next++) {
      const { task, plain, late, alone, resolve, reject } = this.#waiting[next];
      this.#at = next;
      let due;
      try {
        if (late) await this.#waitForAgents();
        let result = task();
        if (!plain && typeof result?.then === "function") result = await result;
        while (result === RETRY) {
          await this.#waitForAgents();
          result = task();
        }
        if (alone) this.#outcomes.push(() => resolve(result));
        else resolve(result);
        due = count(1);
      } catch (error) {
        if (alone) this.#outcomes.push(() => reject(error));
        else reject(error);
        due = countRefusal();
      }
      if (alone && !this.#agents.areKeptOut()) {
        this.#tell();
        // NOTE: the callers that have just heard go on before the lock is taken again.
        if (this.isFollowedAlone && this.#agents.mayBeThere()) due ??= loopTurn();
      }
      if (this.#together > 0) this.#shareWait();
      if (due !== null && next + 1 < this.#waiting.length) {
        this.#letGo();
        await due;
      }
      if (next === 1023) next -= this.#waiting.splice(0, 1024).length;
    }
    this.#waiting = [];
    this.#at = -1;
    this.#draining = false;
  }

  async #waitForAgents() {
    this.#together = 1;
    await this.#agents.waitFor();
  }

  /** Lets the next append share the wait, if one follows. */
  #shareWait() {
    const isFollowed = this.#waiting[this.#at + 1]?.plain === true;
    if (isFollowed && this.#together < MOST_TOGETHER) this.#together++;
    else this.#letGo();
  }

  #letGo() {
    this.#together = 0;
    this.#agents.letGo();
    this.#tell();
  }

  #tell() {
    if (this.#outcomes.length === 0) return;
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    for (const tell of outcomes) tell();
  }
}

module.exports = { MutationQueue, RETRY };
