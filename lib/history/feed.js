"use strict";

// What a listener is told: the history from a position on, in pieces. Where the history cannot be read any more, that is told as a
// warning of the process, and the feed goes on as soon as it can.

const { tellFailure } = require("../errors/warnings");
const { delay } = require("../platform/timers");

/** How long a feed that failed waits. */
const PAUSE_MS = 1000;

/** The feed of a store. */
class Feed {
  #read;
  #renew;
  #settled;
  #after;
  #changes;
  #isClosing = false;
  #isOver = false;
  /** The failure that was told last, and lasts. */
  #failure = null;
  /** Whether the last failure was a position that is gone. */
  #isRenewed = false;

  /**
   * `read(after)` begins to read behind a position; `renew()` resolves to the one where the store stands, for where this one is
   * gone; `settled()` when what the store was called to do by now is done. It begins at once, so that it has its place in the order of calls.
   */
  constructor({ after, read, renew, settled }) {
    this.#read = read;
    this.#renew = renew;
    this.#settled = settled;
    this.#after = after;
    this.#changes = read(after);
  }

  /** The next changes; `null` when it is over. */
  async piece() {
    while (!this.#isOver) {
      try {
        const piece = await this.#changes.piece();
        this.#failure = null;
        // NOTE: an undo() of this store may still be under way: its records show it first.
        if (piece?.some(({ type }) => type === "undone") && !this.#isClosing) await this.#settled();
        const last = piece?.at(-1);
        if (last !== undefined) this.#after = last.type === "undone" ? last.after : last.position;
        return piece;
      } catch (error) {
        // NOTE: a store that closes waits for its feeds, and opens nothing before they are over.
        if (this.#isClosing || this.#isOver || !(await this.#beginAnew(error))) return null;
      }
    }
    return null;
  }

  /** Begins to read anew after a failure. Returns whether it did: not where the store closes meanwhile. */
  async #beginAnew(error) {
    const isGone = error?.code === "OPSLOG_POSITION_GONE";
    const message = isGone ? "operations may not have been told" : "operations are told late";
    // A failure that lasts is told once.
    if (this.#failure !== error?.message)
      tellFailure("OPSLOG_EVENTS_FAILED", `Listeners of "change": ${message}`, error);
    this.#failure = error?.message;
    if (!isGone || this.#isRenewed) await delay(PAUSE_MS);
    this.#isRenewed = isGone;
    if (this.#isClosing || this.#isOver) return false;
    // NOTE: what fails here fails again with the next piece.
    if (isGone) this.#after = await this.#renew().catch(() => this.#after);
    if (this.#isClosing || this.#isOver) return false;
    this.#changes = this.#read(this.#after);
    return true;
  }

  closing() {
    this.#isClosing = true;
  }

  /** Nothing is told but what counts by now. */
  finish() {
    this.#changes.close();
  }

  end() {
    this.#isOver = true;
    this.#changes.return();
  }
}

module.exports = { Feed };
