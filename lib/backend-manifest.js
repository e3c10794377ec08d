"use strict";

// What a store writes through a backend besides its log: manifests, snapshots, and new logs.
//
// With agents, `activeAgentOps` also names sealed logs, which are read but no more appended to, by keys that no
// agent can have: "sealed/<generation>/<agent>". Further fields that 0.8.1 passes over:
//   generation  counts the changes of the manifest        stamp   differs from change to change
//   clock       no agent's clock may begin below it       sessions  which store an agent's log belongs to
//   logVersions logs whose operations have another schema version than the snapshot (see backend-versions.js)
//   quiet       agents that wrote nothing for a while     retired   logs that went into the last snapshots

const { withVersion } = require("./backend-versions");
const { opslogError } = require("./errors");
const { delay } = require("./timers");
const { isoNow, now } = require("./values");

const NAME_ATTEMPTS = 200;
const RETIRED_LIMIT = 128;
const SEALED = /^sealed\/(\d+)\//;

const isSealed = (key) => key.includes("/");

/** The generation that sealed a log; one whose key says nothing comes first. */
function sealedBy(key) {
  return Number(SEALED.exec(key)?.[1] ?? 0);
}

/** Agents, or keys of sealed logs, and their logs. */
function agentLogs({ activeAgentOps = {} }) {
  return Object.entries(activeAgentOps);
}

/** An agent's log; `undefined` if it has none. */
function logOf({ activeAgentOps = {} }, agentId) {
  return Object.hasOwn(activeAgentOps, agentId) ? activeAgentOps[agentId] : undefined;
}

function sessionOf({ sessions = {} }, agentId) {
  return Object.hasOwn(sessions, agentId) ? sessions[agentId] : undefined;
}

/** An object with one more key; a key such as `__proto__` is a name like others. */
function withKey(object, key, value) {
  return Object.fromEntries([...Object.entries(object ?? {}), [key, value]]);
}

/** The newest millisecond in a name that a manifest holds. */
function newestName({ currentSnapshot, activeOps, activeAgentOps = {} }) {
  let newest = 0;
  for (const name of [currentSnapshot, activeOps, ...Object.values(activeAgentOps)]) {
    newest = Math.max(newest, Number(/-(\d{1,15})(?:\.jsonl?)?$/.exec(name)?.[1] ?? 0));
  }
  return newest;
}

/**
 * Backends name files by the millisecond. A name that was in use before would mix what is new with what was
 * there, so this waits until the clock is past it.
 */
async function passNames(newest) {
  for (let attempt = 0; now() <= newest && attempt < NAME_ATTEMPTS; attempt++) await delay(1);
}

function stats(created, activeRecords, archivedRecords) {
  return { activeRecords, archivedRecords, opsCount: 0, created, lastCheckpoint: isoNow() };
}

/** Writes an empty store's files and returns its manifest, which is not written yet. */
async function emptyStore(backend, version, agentId) {
  const currentSnapshot = await backend.writeSnapshot(new Map(), version);
  const activeOps = await createLog(backend, agentId, []);
  return {
    version: 1,
    currentSnapshot,
    activeOps,
    ...(agentId !== undefined && { activeAgentOps: withKey({}, agentId, activeOps) }),
    archiveSegments: [],
    stats: stats(isoNow(), 0, 0),
    // As in 0.8.1 the version of a new manifest is 1; who does not read the snapshot goes by this.
    ...(version !== 1 && { logVersions: { [activeOps]: version } }),
  };
}

/** Creates a log with a name that is none of `taken`. */
async function createLog(backend, agentId, taken) {
  const path = await (agentId === undefined ? backend.createOpsFile() : backend.createAgentOpsFile(agentId));
  if (taken.includes(path)) {
    throw opslogError("OPSLOG_IO", `The backend gave a name that is in use: ${path}`);
  }
  return path;
}

const logsIn = (manifest) => [manifest.activeOps, ...agentLogs(manifest).map(([, path]) => path)];

/** The manifest with a log for an agent, which `session` writes to. */
async function withAgent(backend, manifest, agentId, session) {
  const joined = {
    ...manifest,
    sessions: withKey(manifest.sessions, agentId, session),
    quiet: (manifest.quiet ?? []).filter((quiet) => quiet !== agentId),
  };
  // The log of a single writer is read before all that agents write.
  joined.activeAgentOps ??= { "sealed/0/": manifest.activeOps };
  if (logOf(joined, agentId) === undefined) {
    await passNames(newestName(manifest));
    const path = await createLog(backend, agentId, logsIn(manifest));
    joined.activeAgentOps = withKey(joined.activeAgentOps, agentId, path);
  }
  return joined;
}

/**
 * The manifest with all logs sealed and a new log for each agent; agents that have been quiet get none, they
 * register when they write again. Without `agentId` nobody gets one but the single writer.
 */
async function withSeal(backend, manifest, generation, { agentId, clock }) {
  await passNames(newestName(manifest));
  const taken = logsIn(manifest);
  const logs = manifest.activeAgentOps === undefined ? [["", manifest.activeOps]] : agentLogs(manifest);
  const sealed = logs.map(([key, path]) => [isSealed(key) ? key : `sealed/${generation}/${key}`, path]);
  const quiet = new Set(manifest.quiet ?? []);
  const going = logs.map(([key]) => key).filter((key) => key !== "" && !isSealed(key) && !quiet.has(key));
  const writers = agentId === undefined ? [] : [...new Set([...going, agentId])];
  const active = [];
  for (const writer of writers) active.push([writer, await createLog(backend, writer, taken)]);
  const own = active.find(([writer]) => writer === agentId)?.[1];
  const sessions = Object.entries(manifest.sessions ?? {}).filter(([agent]) => writers.includes(agent));
  return {
    ...manifest,
    activeOps: own ?? (await createLog(backend, undefined, taken)),
    activeAgentOps: Object.fromEntries([...sealed, ...active]),
    sessions: Object.fromEntries(sessions),
    quiet: [],
    clock: Math.max(clock, manifest.clock ?? 0),
  };
}

/** Number of snapshots that the list of retired logs tells of, from the first one on. */
function snapshotCount({ retired }) {
  return retired?.at(-1)?.snapshot ?? 0;
}

/** The newest of the lists of logs that went into snapshots. */
function retire(manifest, ops) {
  const retired = [...(manifest.retired ?? []), { snapshot: snapshotCount(manifest) + 1, ops }];
  let count = retired.reduce((total, { ops }) => total + ops.length, 0);
  while (retired.length > 1 && count > RETIRED_LIMIT) count -= retired.shift().ops.length;
  return retired;
}

/** The manifest with a snapshot in the place of the sealed logs that went into it. */
function withSnapshot(manifest, published) {
  const { currentSnapshot, size, merged, quiet, clock, archived } = published;
  const logs = agentLogs(manifest).filter(
    ([key]) => !(isSealed(key) && merged.has(manifest.activeAgentOps[key])),
  );
  const archiveSegments = [...manifest.archiveSegments];
  if (archived && !archiveSegments.includes(archived.path)) archiveSegments.push(archived.path);
  const named = [manifest.activeOps, ...logs.map(([, path]) => path)];
  const next = {
    ...withVersion(manifest, { ...published.versions, logs: named }),
    currentSnapshot,
    activeAgentOps: Object.fromEntries(logs),
    quiet: quiet.filter((agent) => logOf(manifest, agent) !== undefined),
    clock: Math.max(clock, manifest.clock ?? 0),
    retired: retire(manifest, [...merged]),
    archiveSegments,
    stats: stats(manifest.stats.created, size, manifest.stats.archivedRecords + (archived?.added ?? 0)),
  };
  if (logs.length > 0) return next;
  // Nobody but a single writer is left.
  const { activeAgentOps: _logs, sessions: _sessions, quiet: _quiet, ...single } = next;
  return single;
}

/** Writes records of a single writer as a snapshot, an empty log behind it. Returns the next manifest. */
async function checkpointed(backend, manifest, { records, version, newest, archived }) {
  await passNames(newest);
  const currentSnapshot = await backend.writeSnapshot(records, version);
  const activeOps = await createLog(backend, undefined, logsIn(manifest));
  const archiveSegments = [...manifest.archiveSegments];
  if (archived && !archiveSegments.includes(archived.path)) archiveSegments.push(archived.path);
  return {
    version,
    currentSnapshot,
    activeOps,
    archiveSegments,
    stats: stats(
      manifest.stats.created,
      records.size,
      manifest.stats.archivedRecords + (archived?.added ?? 0),
    ),
    ...(manifest.clock !== undefined && { clock: manifest.clock }),
    generation: (manifest.generation ?? 0) + 1,
    retired: retire(manifest, [manifest.activeOps]),
  };
}

module.exports = {
  agentLogs,
  checkpointed,
  createLog,
  emptyStore,
  isSealed,
  logOf,
  logsIn,
  newestName,
  passNames,
  sealedBy,
  snapshotCount,
  sessionOf,
  withAgent,
  withKey,
  withSeal,
  withSnapshot,
};
