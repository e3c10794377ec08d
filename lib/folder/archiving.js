"use strict";

// How records of a store in a folder go to an archive segment: with a checkpoint that leaves them out or, where nothing was loaded, with a
// batch that deletes them.

const { now } = require("../arguments/values");
const { call, settle } = require("../errors/native");

class Archiving {
  #core;
  #store;
  #checkpoints;
  #checkpointWork;
  #pruning;
  #deleteAll;

  /** `store` has parts of the store, and what it is. `deleteAll(ids)` deletes records in a batch. */
  constructor(core, store, { checkpoints, checkpointWork, pruning, deleteAll }) {
    this.#core = core;
    this.#store = store;
    this.#checkpoints = checkpoints;
    this.#checkpointWork = checkpointWork;
    this.#pruning = pruning;
    this.#deleteAll = deleteAll;
  }

  /** Moves records to a segment; returns how many. */
  async run(ids, period) {
    const { records, history, manifest, skipLoad } = this.#store;
    let archived;
    try {
      archived = await this.#move(ids, period);
    } catch (error) {
      // A caller that looked meanwhile has not seen these, which are there again.
      records.reorder(ids);
      throw error;
    }
    manifest.forget();
    if (!skipLoad) history.forget();
    for (const id of archived) records.look(id);
    await this.#pruning.retain();
    return archived.length;
  }

  /** Returns the ids of the records that went there: among agents, one that changed meanwhile stays. */
  async #move(ids, period) {
    const { following, isAgent, skipLoad } = this.#store;
    const list = JSON.stringify(ids);
    if (skipLoad) {
      await settle(call(() => this.#core.archiveAside(list, period, now())));
      await this.#deleteAll(ids);
    } else if (isAgent) {
      await this.#checkpoints.finish();
      return this.#checkpointWork.compact({ list, period });
    } else {
      let archiving = null;
      while (archiving === null) {
        await this.#checkpoints.finish();
        if (this.#core.hasHead()) await following.changing(this.#core.replayHead());
        archiving = call(() => this.#core.archive(list, period, now()));
      }
      await following.changing(archiving);
    }
    return ids;
  }
}

module.exports = { Archiving };
