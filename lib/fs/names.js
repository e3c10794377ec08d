"use strict";

// Names of the files in a store's folder. Each file that is written once carries a number: the clock's
// milliseconds, but always above every number that is already in its folder.

const { process } = require("../platform/builtins");
const { now } = require("../arguments/values");

const SNAPSHOTS = "snapshots";
const OPS = "ops";
const ARCHIVE = "archive";
const MANIFEST = "manifest.json";
const LOCK = ".lock";
const COMPACT_LOCK = ".compact-lock";

const NUMBERED = /-(\d{1,15})\.jsonl?$/;

const snapshotName = (ms) => `snap-${ms}.jsonl`;
const opsName = (ms) => `ops-${ms}.jsonl`;
const agentOpsName = (agentId, ms) => `agent-${agentId}-${ms}.jsonl`;
const archiveName = (period) => `archive-${period}.json`;

/** The number for the next file in a folder that holds these names. */
function nextNumber(names) {
  let highest = 0;
  for (const name of names) {
    const match = NUMBERED.exec(name);
    if (match !== null) highest = Math.max(highest, Number(match[1]));
  }
  return Math.max(now(), highest + 1);
}

let temporaries = 0;

/** A name beside the final one that no other call of this process uses. In containers many have the same pid. */
function temporaryName(finalPath) {
  temporaries += 1;
  return `${finalPath}.${process.pid}-${temporaries}.tmp`;
}

module.exports = {
  SNAPSHOTS,
  OPS,
  ARCHIVE,
  MANIFEST,
  LOCK,
  COMPACT_LOCK,
  snapshotName,
  opsName,
  agentOpsName,
  archiveName,
  nextNumber,
  temporaryName,
};
