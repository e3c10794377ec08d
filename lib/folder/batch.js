"use strict";

// The batch that a store in a folder puts together. Among agents it may have to be put together again: another agent that comes first may
// change what it finds.

const { NOT_NOW } = require("./changed");
const { call } = require("../errors/native");
const { now } = require("../arguments/values");

class Batch {
  /** When it began: the time of all that it changes, so that no earlier state has a part of it. */
  ms = 0;
  #core;
  #records;
  #history;
  #following;
  #displaced;
  #lock;
  #isAgent;
  #again;
  /** The ids of what the batch changes; among agents, the texts as well. */
  #ids = [];
  #texts = [];

  /** Parts of the store; the texts are kept of an agent only. `again(id, text)` makes a change another time. */
  constructor(core, { records, history, following, displaced, lock, isAgent }, again) {
    this.#core = core;
    this.#records = records;
    this.#history = history;
    this.#following = following;
    this.#displaced = displaced;
    this.#lock = lock;
    this.#isAgent = isAgent;
    this.#again = again;
  }

  begin() {
    this.#ids = [];
    this.#texts = [];
    this.ms = now();
    call(() => this.#core.beginBatch());
    // NOTE: not before: from here on another thread changes nothing until the batch ends.
    try {
      this.#following.takeForeign();
    } catch (error) {
      call(() => this.#core.abandonBatch());
      throw error;
    }
    this.#records.begin();
  }

  /** A change was made, a deletion where the text is `null`. */
  note(id, text) {
    this.#ids.push(id);
    if (this.#isAgent) this.#texts.push(text);
  }

  /** Returns what became of it; NOT_NOW if it must wait for another agent. */
  tryToCommit() {
    let code;
    try {
      code = call(() => this.#core.commitBatch());
    } catch (error) {
      this.#takenBack();
      throw error;
    }
    if (code !== NOT_NOW) this.#records.keep();
    return code;
  }

  /** Another agent comes first: what it did may change what this batch finds, which is put together again. */
  async commitInTurn() {
    const [ids, texts] = [this.#ids, this.#texts];
    try {
      for (;;) {
        this.abandon();
        await this.#lock.waitForOthers();
        this.#putTogether(ids, texts);
        const code = this.tryToCommit();
        if (code !== NOT_NOW) return code;
      }
    } finally {
      this.#lock.letGo();
    }
  }

  /** Makes the changes of a batch again. */
  #putTogether(ids, texts) {
    this.begin();
    try {
      for (const [at, id] of ids.entries()) this.#again(id, texts[at]);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  abandon() {
    call(() => this.#core.abandonBatch());
    this.#takenBack();
  }

  #takenBack() {
    for (const id of this.#ids.toReversed()) this.#displaced.takeBack(id);
    this.#ids = [];
    this.#texts = [];
    this.#records.takeBack();
    this.#history.cut(this.#core.operationCount());
  }
}

module.exports = { Batch };
