"use strict";

// A checkpoint among many writers. SEAL: one write of the manifest gives every agent a new log and keeps the
// old ones as sealed; from then on nothing that is appended to them counts. Then the sealed logs are read, and
// a snapshot of them is written. PUBLISH: a second write puts it in their place. An agent that appends
// meanwhile finds its log sealed, and appends again to its new one. A crash in between leaves sealed logs,
// which everybody reads and the next compaction takes along.

const { agentLogs, isSealed, newestName, passNames, withSeal, withSnapshot } = require("./backend-manifest");
const { hasAgents } = require("./backend-agent");
const { highestClock, logsOf, readLogs } = require("./backend-loader");
const { messages, opslogError } = require("./errors");

/** Seals all logs. Returns the manifest as written, with its version. */
function seal(backend, access, { agentId, clock }) {
  return access.update((manifest, generation) => {
    if (manifest === null) throw opslogError("OPSLOG_CORRUPT", messages.manifestMissing());
    return withSeal(backend, manifest, generation, { agentId, clock });
  });
}

/** The operations of the sealed logs, which are final. */
async function readSealed(backend, manifest) {
  const logs = logsOf(manifest).filter(({ generation }) => generation < Infinity);
  const entries = await readLogs(backend, logs, true);
  return { entries, paths: new Set(logs.map(({ path }) => path)) };
}

/** The agents that wrote nothing into the logs that were sealed last. */
function quietAgents(manifest, entries) {
  const written = new Set(entries.map(({ path }) => path));
  const heard = new Set();
  const sealed = agentLogs(manifest).filter(([key]) => isSealed(key));
  for (const [key, path] of sealed) if (written.has(path)) heard.add(key.slice(key.indexOf("/", 7) + 1));
  return agentLogs(manifest)
    .map(([key]) => key)
    .filter((key) => !isSealed(key) && !heard.has(key));
}

/**
 * Publishes records as the snapshot that stands for the sealed logs. Returns the manifest with its version;
 * `null` if what it stands for is not what is to be replaced any more, or, without `agentId`, if agents have come
 * meanwhile.
 */
async function publish(backend, access, { manifest, sealed, records, versions, agentId, archived }) {
  await passNames(newestName(manifest));
  const currentSnapshot = await backend.writeSnapshot(records, versions.version);
  const published = {
    currentSnapshot,
    versions,
    size: records.size,
    merged: sealed.paths,
    quiet: quietAgents(manifest, sealed.entries).filter((agent) => agent !== agentId),
    clock: highestClock(sealed.entries),
    archived,
  };
  const written = await access.update((current) => {
    if (current === null) throw opslogError("OPSLOG_CORRUPT", messages.manifestMissing());
    const named = new Set(logsOf(current).map(({ path }) => path));
    const isOvertaken =
      current.currentSnapshot !== manifest.currentSnapshot ||
      // An undo has put another log in the place of one that is in the snapshot.
      [...sealed.paths].some((path) => !named.has(path));
    if (isOvertaken || (agentId === undefined && hasAgents(current))) return current;
    return withSnapshot(current, published);
  });
  return written.manifest.currentSnapshot === currentSnapshot ? written : null;
}

module.exports = { publish, readSealed, seal };
