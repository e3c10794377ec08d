"use strict";

// What a store writes through a backend besides its log: the first files, checkpoints, registrations.

const { setTimeout: delay } = require("node:timers/promises");
const { opslogError } = require("./errors");

const NAME_ATTEMPTS = 200;
const isoNow = () => new Date().toISOString();

function createLog(backend, agentId) {
  return agentId === undefined ? backend.createOpsFile() : backend.createAgentOpsFile(agentId);
}

/** Writes an empty store and returns its manifest. */
async function createStore(backend, version, agentId) {
  const currentSnapshot = await backend.writeSnapshot(new Map(), version);
  const activeOps = await createLog(backend, agentId);
  const created = isoNow();
  const manifest = {
    version: 1,
    currentSnapshot,
    activeOps,
    ...(agentId !== undefined && { activeAgentOps: agentsOf({}, agentId, activeOps) }),
    archiveSegments: [],
    stats: { activeRecords: 0, archivedRecords: 0, opsCount: 0, created, lastCheckpoint: created },
  };
  await backend.writeManifest(manifest);
  return manifest;
}

/** Gives an agent its own log, if it has none. Returns the manifest that names it. */
async function registerAgent(backend, manifest, agentId, newest) {
  const agents = manifest.activeAgentOps ?? {};
  if (Object.hasOwn(agents, agentId)) return manifest;
  await passNames(newest);
  const path = await backend.createAgentOpsFile(agentId);
  const registered = { ...manifest, activeAgentOps: agentsOf(agents, agentId, path) };
  await backend.writeManifest(registered);
  return registered;
}

/** The agents and their logs with one more; an id such as `__proto__` is a name like others. */
function agentsOf(agents, agentId, path) {
  return Object.fromEntries([...Object.entries(agents), [agentId, path]]);
}

/** The newest millisecond in a name that a manifest holds. */
function newestName({ currentSnapshot, activeOps, activeAgentOps = {} }) {
  const names = [currentSnapshot, activeOps, ...Object.values(activeAgentOps)];
  return Math.max(...names.map((name) => Number(/-(\d+)(?:\.jsonl?)?$/.exec(name)?.[1] ?? 0)));
}

/**
 * Backends name files by the millisecond. A name that was in use before would mix what is new with what was
 * there, so this waits until the clock is past it.
 */
async function passNames(newest) {
  for (let attempt = 0; Date.now() <= newest && attempt < NAME_ATTEMPTS; attempt++) await delay(1);
}

/** Writes records as a snapshot with an empty log behind it. Returns the manifest that is in force now. */
async function publishCheckpoint(backend, manifest, checkpoint) {
  const { records, version, agentId, archiveSegments, archivedRecords, newest } = checkpoint;
  await passNames(newest);
  const currentSnapshot = await backend.writeSnapshot(records, version);
  const activeOps = await createLog(backend, agentId);
  if (activeOps === manifest.activeOps) {
    throw opslogError("OPSLOG_IO", `The backend gave a name that is in use: ${activeOps}`);
  }
  const next = {
    version,
    currentSnapshot,
    activeOps,
    ...(agentId !== undefined && { activeAgentOps: agentsOf({}, agentId, activeOps) }),
    archiveSegments: archiveSegments ?? manifest.archiveSegments,
    stats: {
      activeRecords: records.size,
      archivedRecords: archivedRecords ?? manifest.stats.archivedRecords,
      opsCount: 0,
      created: manifest.stats.created,
      lastCheckpoint: isoNow(),
    },
  };
  await backend.writeManifest(next);
  return next;
}

module.exports = { createStore, newestName, publishCheckpoint, registerAgent };
