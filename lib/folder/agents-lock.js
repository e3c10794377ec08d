"use strict";

// How a store shares its folder with other agents: it holds their lock alone for transactions, and tells them that an append waits, so that
// it is not starved.

const { call } = require("../errors/native");
const { monotonicMs, setImmediate } = require("../platform/timers");

/** So many transactions share a lock at most. */
const MOST_ALONE = 64;
/** And for so long: other agents wait meanwhile. */
const MOST_ALONE_MS = 1;

class AgentsLock {
  #core;
  #following;
  #displaced;
  #isAgent;
  /** How many transactions have shared the lock that is held, and since when. */
  #alone = 0;
  #aloneSince = 0;
  /** Whether the other agents were told that an append waits. */
  #isWaiting = false;
  #isReadingAhead = false;

  /** `following` and `displaced` of the store. Without `isAgent` there is no such lock. */
  constructor(core, { following, displaced, isAgent }) {
    this.#core = core;
    this.#following = following;
    this.#displaced = displaced;
    this.#isAgent = isAgent;
  }

  /** Whether the lock is held that transactions share. */
  get isHeld() {
    return this.#alone > 0;
  }

  /**
   * Runs work while no other agent writes; what they wrote before is taken over first. The lock is kept for the next work of
   * this kind, if that comes at once, but not for long.
   */
  async alone(work, isFollowed) {
    if (!this.#isAgent) return work();
    if (this.#alone === 0) {
      this.#displaced.forget();
      await this.#begin();
      this.#aloneSince = monotonicMs();
    }
    this.#alone++;
    try {
      return await work();
    } finally {
      const isLong = this.#alone >= MOST_ALONE || monotonicMs() - this.#aloneSince >= MOST_ALONE_MS;
      if (isLong || !isFollowed() || this.#core.holdsAppendUp()) this.letGo();
    }
  }

  /** Takes the lock alone, with what the other agents wrote. */
  async #begin() {
    try {
      while (!this.#beginAtOnce()) await this.#following.changing(this.#core.beginAlone());
    } catch (error) {
      this.#core.endAlone();
      throw error;
    }
  }

  #beginAtOnce() {
    const isBegun = call(() => this.#core.beginAloneAtOnce());
    this.#following.takeForeign();
    return isBegun;
  }

  /** Tells the other agents that an append waits, which they let pass until `letGo()`, and waits until it can be tried again. */
  async waitForOthers() {
    if (!this.#isWaiting) {
      call(() => this.#core.appendWaits(true));
      this.#isWaiting = true;
    }
    this.#displaced.forget();
    await this.#following.waitForTurn();
  }

  /**
   * Reads in the next turn of the event loop what the other agents wrote. An append that comes when they have compacted must know
   * all of it, and would take as long as that.
   */
  readAhead() {
    if (this.#isReadingAhead) return;
    this.#isReadingAhead = true;
    setImmediate(() => {
      this.#isReadingAhead = false;
      if (this.isHeld || !this.#following.isSteady) return;
      try {
        this.#takeAhead();
      } catch {
        // No call waits for it. The next one that looks meets it again, such as a migrate function that throws.
      }
    });
  }

  #takeAhead() {
    if (!this.#core.readAhead()) return;
    this.#displaced.forget();
    this.#following.takeForeign();
  }

  /** Lets the other agents go on: gives the lock up that transactions share, and says that no append waits. */
  letGo() {
    if (this.#alone > 0) {
      this.#alone = 0;
      this.#core.endAlone();
    }
    if (this.#isWaiting) {
      this.#isWaiting = false;
      call(() => this.#core.appendWaits(false));
    }
  }
}

module.exports = { AgentsLock };
