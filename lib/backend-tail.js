"use strict";

// What became visible since the last look. Operations that a compaction has moved into a snapshot meanwhile
// are read from the logs that the manifest calls retired.

const { lineOf, readLogs } = require("./backend-loader");
const { snapshotCount } = require("./backend-manifest");
const { History } = require("./history");
const native = require("./native");

class BackendTail {
  #backend;
  #agentId;
  #identities = new Set();
  #snapshots = 0;

  constructor(backend, agentId) {
    this.#backend = backend;
    this.#agentId = agentId;
  }

  /** All of this was seen. */
  look(manifest, entries) {
    this.#identities = new Set(entries.map(({ identity }) => identity));
    this.#snapshots = snapshotCount(manifest);
  }

  /** The operations of others that were not seen yet, in order; they are now. */
  async since(manifest, entries) {
    const retired = (manifest.retired ?? []).filter(({ snapshot }) => snapshot > this.#snapshots);
    const logs = retired.flatMap(({ snapshot, ops }) => ops.map((path) => ({ path, generation: snapshot })));
    const earlier = await readLogs(this.#backend, logs, true);
    const seen = new Set(this.#identities);
    const fresh = [...earlier, ...entries].filter(({ identity, operation }) => {
      if (seen.has(identity)) return false;
      seen.add(identity);
      return this.#agentId === undefined || operation.agent !== this.#agentId;
    });
    this.look(manifest, entries);
    return this.shown(fresh);
  }

  /** Operations as the API shows them. */
  shown(entries) {
    if (entries.length === 0) return [];
    const shown = native.load().storeDetached(undefined, 1);
    shown.applyLines(
      entries.map((entry) => lineOf(entry)),
      false,
      1,
    );
    return new History(shown).all();
  }
}

module.exports = { BackendTail };
