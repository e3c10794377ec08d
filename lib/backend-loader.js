"use strict";

// Reads a store through a backend, as text for the engine.

const { messages, opslogError } = require("./errors");

/** The lines of all logs that a manifest names, and whether they are to be merged by clock. */
async function toLines(backend, manifest) {
  const paths = new Set();
  for (const path of Object.values(manifest.activeAgentOps ?? {})) paths.add(path);
  const merge = paths.size > 0 || manifest.activeAgentOps !== undefined;
  if (!merge) paths.add(manifest.activeOps);
  const lines = [];
  for (const path of paths) {
    for (const operation of await backend.readOps(path)) lines.push(JSON.stringify(operation));
  }
  return { lines, merge };
}

async function loadSnapshot(backend, manifest) {
  const { currentSnapshot, stats } = manifest;
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

/** Everything that a manifest names: records and lines as text, and from which version to migrate. */
async function loadState(backend, manifest, { version: wanted }) {
  const { records, version: stored } = await loadSnapshot(backend, manifest);
  const texts = [];
  for (const [id, value] of records) texts.push([id, JSON.stringify(value) ?? ""]);
  return {
    records: texts,
    ...(await toLines(backend, manifest)),
    version: Number.isInteger(stored) ? stored : wanted,
    migrateFrom: stored < wanted ? stored : undefined,
  };
}

module.exports = { loadState, toLines };
