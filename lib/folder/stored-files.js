"use strict";

// What is read of a store's files as they are: archive segments, the current snapshot, the logs.

const { ioError } = require("../errors/errors");
const { settle } = require("../errors/native");
const { walOperations } = require("../operations/wal");
const { forEachPair } = require("../records/records");
const { snapshotEntries } = require("../records/snapshot-stream");

class StoredFiles {
  #core;
  #folder;
  #codec;
  #manifest;
  #following;

  constructor(core, folder, { codec, manifest, following }) {
    this.#core = core;
    this.#folder = folder;
    this.#codec = codec;
    this.#manifest = manifest;
    this.#following = following;
  }

  async archive(relativePath) {
    const records = new Map();
    for (const text of await settle(this.#core.loadArchive(relativePath))) {
      forEachPair(this.#codec.pairs(JSON.parse(text)), (value, id) => records.set(id, value));
    }
    return records;
  }

  /** The entries of the current snapshot. */
  snapshot(options) {
    return this.#entriesOf(this.#manifest.get().currentSnapshot, options);
  }

  /** The entries of a snapshot. One that was superseded and deleted since this store looked gives way to the current one. */
  async *#entriesOf(snapshot, options) {
    for (;;) {
      try {
        // NOTE: a file that is open stays readable: only the first step can miss it.
        return yield* snapshotEntries(this.#folder, snapshot, { ...options, codec: this.#codec });
      } catch (error) {
        if (error.code !== "ENOENT") throw error;
        await this.#following.catchUp();
        const { currentSnapshot } = this.#manifest.get();
        if (currentSnapshot === snapshot) throw ioError(error);
        snapshot = currentSnapshot;
      }
    }
  }

  /** The operations of the logs that the manifest names. */
  operations() {
    return walOperations(this.#folder, this.#manifest.get(), this.#codec);
  }
}

module.exports = { StoredFiles };
