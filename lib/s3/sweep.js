"use strict";

// Deletes what no manifest names any more. An object goes only if
// - the manifest does not name it, also not among the logs that went into the last snapshots, which followers read;
// - it is older than the snapshot that the manifest names: a publication that was to name it was overtaken by that snapshot's,
//   and fails, however late it comes;
// - a newer snapshot has been there for the grace period, by the server's clock: readers that know the manifest before are done.
// Snapshots go before logs: a reader of an old manifest must miss its snapshot, never a log alone. Marks of closed logs stay:
// a writer that was stopped may come back after any time.

const { MANIFEST, rollUps } = require("./names");

class Sweep {
  #objects;
  #large;
  #graceMs;
  #working = null;
  #nextMs = 0;

  constructor(objects, large, graceMs) {
    this.#objects = objects;
    this.#large = large;
    this.#graceMs = graceMs;
  }

  /** A checkpoint was published. Sweeps behind it, not more often than four times within the grace period. */
  published(nowMs) {
    if (this.#graceMs === Infinity || this.#working !== null || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + this.#graceMs / 4;
    this.#working = this.#sweep()
      .catch(() => {})
      .finally(() => (this.#working = null));
  }

  async settled() {
    await this.#working;
  }

  async #sweep() {
    const page = await this.#objects.page("");
    const items = page.isTruncated ? await this.#objects.list("") : page.items;
    // NOTE: behind the listing. What is named by then stays.
    const found = await this.#objects.get(MANIFEST);
    if (found === null) return;
    const named = namesOf(JSON.parse(found.body.toString()));
    const snapshots = items.filter(({ path }) => path.startsWith("snapshots/"));
    const current = snapshots.find(({ path }) => named.has(path));
    if (current === undefined) return;
    const isOver = (item) => {
      const newer = snapshots.filter(({ modifiedMs }) => modifiedMs > item.modifiedMs);
      const superseded = Math.min(...newer.map(({ modifiedMs }) => modifiedMs));
      return item.modifiedMs < current.modifiedMs && page.timeMs - superseded >= this.#graceMs;
    };
    const old = items.filter((item) => !isNamed(item, named) && isOver(item));
    const paths = (folder) => old.map(({ path }) => path).filter((path) => path.startsWith(folder));
    await this.#objects.deleteAll(paths("snapshots/"));
    await this.#objects.deleteAll([...paths("ops/"), ...paths("rollups/")]);
    // What a process that died had begun to upload. Not every server can tell of it.
    await this.#large.abandon("snapshots/", page.timeMs - this.#graceMs).catch(() => {});
  }
}

/** The paths that a manifest names, with those of its logs' roll-ups. */
function namesOf({ currentSnapshot, activeOps, activeAgentOps = {}, retired = [] }) {
  const logs = [activeOps, ...Object.values(activeAgentOps), ...retired.flatMap(({ ops = [] }) => ops)];
  return new Set([currentSnapshot, ...logs, ...logs.map(rollUps)]);
}

function isNamed({ path, size }, named) {
  const isMark = size === 0 && path.startsWith("ops/");
  return isMark || named.has(path) || named.has(path.slice(0, path.lastIndexOf("/")));
}

module.exports = { Sweep };
