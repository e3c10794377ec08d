"use strict";

// The names of objects below the prefix. A log is a prefix of its own, and each append an object in it: `batch-<number>-0000.jsonl`,
// numbered without a gap from the log's millisecond on, so that every writer knows the name that comes next. opslog-s3 numbers
// its parts by the time, and reads ours in the same order.

const { now } = require("../arguments/values");
const { randomUUID } = require("../platform/builtins").crypto;

const DIGITS = 13;
const PART = /\/batch-(\d+)-\d+\.jsonl$/;
const OWN_LOG = /^ops\/.*-(\d{13})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ROLL_UP = /\/(\d{13})-(\d{13})-(\d+)\.jsonl$/;

const MANIFEST = "manifest.json";
/** The folder of the indexes of snapshots: each has the name of its snapshot, and `.idx` behind it. */
const INDEXES = "index/";
const SNAPSHOTS = "snapshots/";
/** The last path before that of the manifest and all that comes behind it. */
const BEFORE_MANIFEST = "manifest.jsom";

const digits = (number) => String(number).padStart(DIGITS, "0");
const unique = () => `${digits(now())}-${randomUUID()}`;

const newSnapshot = () => `${SNAPSHOTS}snap-${unique()}.jsonl`;
const indexOf = (snapshot) => `${INDEXES}${snapshot.slice(snapshot.lastIndexOf("/") + 1)}.idx`;
const newLog = () => `ops/ops-${unique()}`;
const newAgentLog = (agentId) => `ops/agent-${encodeURIComponent(agentId)}-${unique()}`;
const segment = (period) => `archive/archive-${period}.json`;

const part = (log, number) => `${log}/batch-${digits(number)}-0000.jsonl`;
/** The number of a part; `NaN` for an object that is none. */
const numberOf = (path) => Number(PART.exec(path)?.[1] ?? NaN);

/** The number of the first part of a log; `null` for one that another program named. */
function firstOf(log) {
  const found = OWN_LOG.exec(log);
  return found === null ? null : Number(found[1]);
}

/** The folder of a log's roll-ups. */
const rollUps = (log) => `rollups/${log.slice("ops/".length)}`;
/** A roll-up of the parts of two numbers and all between; `size` is that of the last one. */
const rollUp = (log, { from, to, size }) => `${rollUps(log)}/${digits(from)}-${digits(to)}-${size}.jsonl`;

function rollUpOf(path) {
  const [, from, to, size] = ROLL_UP.exec(path) ?? [];
  return from === undefined ? null : { path, from: Number(from), to: Number(to), size: Number(size) };
}

module.exports = {
  BEFORE_MANIFEST,
  INDEXES,
  MANIFEST,
  firstOf,
  indexOf,
  newAgentLog,
  newLog,
  newSnapshot,
  numberOf,
  part,
  rollUp,
  rollUpOf,
  rollUps,
  segment,
};
