"use strict";

// Reads a store through a backend: the snapshot, and the operations of all logs that the manifest names, in
// the one order that all readers agree on, each of them once.

const { agentLogs, isSealed, sealedBy } = require("./backend-manifest");
const { messages, opslogError } = require("./errors");

/** Snapshots up to this size are kept as text, so that a refresh need not fetch them again. */
const KEPT_SNAPSHOT_UNITS = 16 << 20;

/**
 * What tells an operation from all others. One that was appended again with a higher clock, because its log had
 * been sealed, is the same operation. Without an agent the place in the log must do.
 */
function identityOf(operation, path, index) {
  const { agent, clock, again, ts, op, id } = operation;
  if (agent === undefined) return JSON.stringify([path, index, operation]);
  return JSON.stringify([agent, again ?? clock ?? [path, index], ts, op, id]);
}

function compareUtf16(one, other) {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** First by the generation that sealed the log, for that is how snapshots come about; then by clock and agent. */
function inOrder(one, other) {
  return (
    one.generation - other.generation ||
    (one.operation.clock ?? 0) - (other.operation.clock ?? 0) ||
    compareUtf16(one.operation.agent ?? "", other.operation.agent ?? "")
  );
}

/** Keeps the last of several copies of an operation. */
function withoutCopies(entries) {
  const last = new Map(entries.map(({ identity }, index) => [identity, index]));
  if (last.size === entries.length) return entries;
  return entries.filter(({ identity }, index) => last.get(identity) === index);
}

async function readLog(backend, { path, generation }) {
  const operations = await backend.readOps(path);
  return operations.map((operation, index) => {
    return { operation, path, generation, identity: identityOf(operation, path, index) };
  });
}

/** The operations of some logs, `{ path, generation }`, as entries in the order in which they take effect. */
async function readLogs(backend, logs, merge) {
  const read = await Promise.all(logs.map((log) => readLog(backend, log)));
  const entries = read.flat();
  return merge ? withoutCopies(entries.sort(inOrder)) : entries;
}

/** The logs that a manifest names, each once. */
function logsOf(manifest) {
  if (manifest.activeAgentOps === undefined) return [{ path: manifest.activeOps, generation: Infinity }];
  const logs = new Map();
  for (const [key, path] of agentLogs(manifest)) {
    const generation = isSealed(key) ? sealedBy(key) : Infinity;
    if (!(logs.get(path)?.generation <= generation)) logs.set(path, { path, generation });
  }
  return [...logs.values()];
}

/** All operations that a manifest names; with `onlySealed`, those of logs that nobody appends to any more. */
function readOperations(backend, manifest, { onlySealed = false } = {}) {
  const logs = logsOf(manifest).filter(({ generation }) => !onlySealed || generation < Infinity);
  return readLogs(backend, logs, manifest.activeAgentOps !== undefined);
}

/** An operation's line for the engine, with the schema version of its value if that is given. */
function lineOf({ operation }, version = operation.version) {
  const { again: _again, ...shown } = operation;
  return JSON.stringify(version === undefined ? shown : { ...shown, version });
}

function highestClock(entries) {
  return entries.reduce((highest, { operation }) => Math.max(highest, operation.clock ?? 0), 0);
}

async function loadSnapshot(backend, { currentSnapshot, stats }) {
  let snapshot;
  try {
    snapshot = await backend.loadSnapshot(currentSnapshot);
  } catch (error) {
    if (error?.code !== "ENOENT" && error?.cause?.code !== "ENOENT") throw error;
    throw opslogError("OPSLOG_CORRUPT", messages.snapshotMissing(currentSnapshot), { cause: error });
  }
  if (snapshot.records.size < stats.activeRecords) {
    const found = `${snapshot.records.size} records, the manifest says ${stats.activeRecords}`;
    throw opslogError("OPSLOG_CORRUPT", `The snapshot ${currentSnapshot} holds ${found}`, {
      path: currentSnapshot,
    });
  }
  return snapshot;
}

/** Reads snapshots as text, and keeps a small one until another is asked for. */
class Snapshots {
  #backend;
  #kept = null;

  constructor(backend) {
    this.#backend = backend;
  }

  /** Returns `{ path, records, version }`, the records as a list of id and JSON text. */
  async load(manifest) {
    const path = manifest.currentSnapshot;
    if (this.#kept?.path === path) return this.#kept;
    this.#kept = null;
    const { records: found, version } = await loadSnapshot(this.#backend, manifest);
    const records = [];
    let units = 0;
    for (const [id, value] of found) {
      const text = JSON.stringify(value) ?? "";
      units += id.length + text.length;
      records.push([id, text]);
    }
    const snapshot = { path, records, version };
    if (units <= KEPT_SNAPSHOT_UNITS) this.#kept = snapshot;
    return snapshot;
  }
}

module.exports = { highestClock, identityOf, lineOf, logsOf, readLogs, readOperations, Snapshots };
