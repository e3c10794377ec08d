"use strict";

// Deletes what no manifest names any more. An object goes only if
// - the manifest does not name it, also not among the logs of the history, which it lists itself or in notes;
// - it is older than the snapshot that the manifest names: a publication that was to name it was overtaken by that snapshot's,
//   and fails, however late it comes;
// - a newer snapshot has been there for the grace period, by the server's clock: readers that know the manifest before are done.
// Snapshots go before logs: a reader of an old manifest must miss its snapshot, never a log alone. Marks of closed logs stay:
// a writer that was stopped may come back after any time.

const { INDEXES, MANIFEST, indexOf, rollUps } = require("./names");

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
    const named = await this.#namedBy(JSON.parse(found.body.toString()));
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
    const others = [INDEXES, "ops/", "rollups/", "history/", "probe/"];
    await this.#objects.deleteAll(others.flatMap(paths));
    // What a process that died had begun to upload. Not every server can tell of it.
    for (const folder of ["snapshots/", INDEXES])
      await this.#large.abandon(folder, page.timeMs - this.#graceMs).catch(() => {});
  }

  /** The paths that a manifest names, with those of its logs' roll-ups. */
  async #namedBy({ currentSnapshot, activeOps, activeAgentOps = {}, retired = [], older, prunedTo = 0 }) {
    const lists = [...retired];
    const notes = [];
    for (let path = older; path !== undefined;) {
      notes.push(path);
      const found = await this.#objects.get(path);
      const page = found === null ? {} : JSON.parse(found.body.toString());
      lists.push(...(page.retired ?? []));
      path = page.older;
    }
    const kept = lists.filter(({ snapshot }) => snapshot > prunedTo);
    for (const { archived } of kept) if (archived !== undefined) notes.push(archived);
    const logs = [activeOps, ...Object.values(activeAgentOps), ...kept.flatMap(({ ops = [] }) => ops)];
    const snapshot = [currentSnapshot, indexOf(currentSnapshot)];
    return new Set([...snapshot, ...logs, ...logs.map(rollUps), ...notes]);
  }

  /**
   * Deletes a log that no manifest names any more, but for the mark that closes it. Resolves to its bytes; `null` if there are none, or
   * if it is too young: then it goes behind a later checkpoint.
   */
  async deleteLog(log) {
    const page = await this.#objects.page(log.endsWith(".jsonl") ? log : `${log}/`);
    const parts = page.isTruncated ? await this.#objects.list(`${log}/`) : page.items;
    const items = [...parts, ...(await this.#objects.list(`${rollUps(log)}/`))];
    return this.#delete(
      items.filter(({ size }) => size > 0),
      page.timeMs,
    );
  }

  /** As `deleteLog()`, a snapshot. */
  async deleteSnapshot(path) {
    const { items, timeMs } = await this.#objects.page(path);
    return this.#delete(
      items.filter((item) => item.path === path),
      timeMs,
    );
  }

  async #delete(items, nowMs) {
    const isYoung = ({ modifiedMs }) => nowMs - modifiedMs < this.#graceMs;
    if (items.length === 0 || items.some(isYoung)) return null;
    await this.#objects.deleteAll(items.map(({ path }) => path));
    return items.reduce((sum, { size }) => sum + size, 0);
  }
}

function isNamed({ path, size }, named) {
  const isMark = size === 0 && path.startsWith("ops/");
  return isMark || named.has(path) || named.has(path.slice(0, path.lastIndexOf("/")));
}

module.exports = { Sweep };
