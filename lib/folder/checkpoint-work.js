"use strict";

// How a checkpoint of a store in a folder is made: by a single writer, or by an agent for all of them.

const { call, settle } = require("../errors/native");
const { now } = require("../arguments/values");
const { delay } = require("../platform/timers");

/** Checkpoints of a single writer. `arrive` has every append arrive that was called. */
class OwnCheckpoint {
  #core;
  #arrive;
  #following;
  #history;
  #manifest;

  constructor(core, arrive, { following, history, manifest }) {
    this.#core = core;
    this.#arrive = arrive;
    this.#following = following;
    this.#history = history;
    this.#manifest = manifest;
  }

  begin(all) {
    this.#arrive();
    // What was hidden for this one is in a checkpoint that began later.
    if (!all && !this.#core.isCheckpointPending()) return Promise.resolve();
    return this.#core.hasHead() ? this.#ofHead(all) : this.#run(all);
  }

  onFrozen() {
    this.#history.forget();
  }

  onPublished() {
    this.#manifest.forget();
    this.#following.takeForeign();
  }

  hide() {
    this.#arrive();
    this.#core.hideHistory();
  }

  show() {
    this.#arrive();
    this.#core.showHistory();
  }

  isPending() {
    return this.#core.isCheckpointPending();
  }

  #run(all) {
    this.#arrive();
    call(() => this.#core.beginCheckpoint(now(), all));
    this.#following.takeForeign();
    return settle(this.#core.runCheckpoint());
  }

  /** A checkpoint for which a long log must be replayed first, on another thread. */
  async #ofHead(all) {
    // From here on, what is set belongs to the next one.
    if (all) this.#core.hideHistory();
    await this.#following.changing(this.#core.replayHead());
    return this.#run(false);
  }
}

/** Compactions of an agent, which take all agents' operations along: those that are hidden, and all others by then. */
class AgentCheckpoint {
  #core;
  #following;
  #history;
  #manifest;

  constructor(core, { following, history, manifest }) {
    this.#core = core;
    this.#following = following;
    this.#history = history;
    this.#manifest = manifest;
  }

  begin(all, isAutomatic) {
    return this.compact({ ifDue: isAutomatic });
  }

  onFrozen() {
    this.#history.forget();
  }

  onPublished() {
    this.#manifest.forget();
    this.#history.forget();
  }

  hide() {
    this.#core.hideHistory();
  }

  show() {
    this.#core.showHistory();
  }

  isPending() {
    return this.#core.isCheckpointPending();
  }

  /**
   * A compaction without the records of `list`, a JSON text, which go to the archive. Returns the ids that did. With `ifDue` there is none
   * where another agent's has taken all along that it would be for.
   */
  async compact({ ifDue = false, list, period } = {}) {
    let work = call(() => this.#core.compactAgents(now(), list, period, ifDue));
    for (;;) {
      const result = JSON.parse((await this.#following.changing(work)) ?? (await this.#finish()));
      if (typeof result !== "number") return result;
      // NOTE: not on a thread of the native side, which another store of this process may be in need of.
      await delay(result);
      work = call(() => this.#core.compactAgain(now(), ifDue));
    }
  }

  /** Goes on with a compaction that came upon records of an older version. */
  async #finish() {
    try {
      this.#following.migrateFound();
    } catch (error) {
      await settle(this.#core.abandonCompaction());
      throw error;
    }
    return this.#following.changing(this.#core.finishCompaction());
  }
}

module.exports = { AgentCheckpoint, OwnCheckpoint };
