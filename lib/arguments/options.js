"use strict";

// Turns what the caller gave to `open()` into one frozen object with every option in it. An option that is
// `undefined` or `null` means its default, as dependents of 0.8.1 expect.

const { Codec } = require("./codec");
const { messages, outOfRange, wrongType } = require("../errors/errors");
const { isRevoked } = require("./kinds");
const { checkNames } = require("./option-names");
const { checkAgentId, describe } = require("./paths");
const { readOnProgress } = require("./progress");
const { readIndexes } = require("./indexes");
const { readKeepUndo, readRetain } = require("./retention");
const { warn } = require("../errors/warnings");

const NAMES = [
  "checkpointThreshold",
  "checkpointOnClose",
  "version",
  "migrate",
  "readOnly",
  "skipLoad",
  "backend",
  "agentId",
  "writeMode",
  "cacheSize",
  "groupCommitSize",
  "groupCommitMs",
  "durability",
  "locking",
  "recovery",
  "syncIntervalMs",
  "backendTimeoutMs",
  "onProgress",
  "strictJson",
  "replacer",
  "reviver",
  "retain",
  "indexes",
];
/** The words that an option may have. The first is the default. */
const WORDS = {
  writeMode: ["immediate", "group", "async"],
  durability: ["process", "interval", "always"],
  recovery: ["skip", "strict"],
  locking: ["kernel", "pid"],
};
const DEFAULTS = Object.freeze({
  checkpointThreshold: 100,
  version: 1,
  groupCommitSize: 50,
  groupCommitMs: 100,
  syncIntervalMs: 1000,
});
const VERSION_LIMIT = 2 ** 31 - 1;
const TIMER_LIMIT_MS = 2 ** 31 - 1;
const LIMITS = { groupCommitSize: Number.MAX_VALUE, groupCommitMs: TIMER_LIMIT_MS };

// The methods of a backend that a store calls. The blob methods are for the caller's own use.
const READER_METHODS = [
  "initialize",
  "shutdown",
  "readManifest",
  "loadSnapshot",
  "readOps",
  "loadArchiveSegment",
];
const WRITER_METHODS = [
  "writeManifest",
  "writeSnapshot",
  "appendOps",
  "truncateLastOp",
  "createOpsFile",
  "writeArchiveSegment",
  "getManifestVersion",
];
const LOCK_METHODS = ["acquireLock", "releaseLock"];
const AGENT_METHODS = ["createAgentOpsFile", "acquireCompactionLock", "releaseCompactionLock"];

const identity = (record) => record;
const given = (value) => value !== undefined && value !== null;

// What reads an option that is given. The others need no function, and most are not given.

function readBoolean(options, name) {
  const value = options[name];
  if (typeof value !== "boolean") throw wrongType(`option ${name} must be a boolean, got ${describe(value)}`);
  return value;
}

function readNumber(options, name) {
  const value = options[name];
  if (typeof value !== "number") throw wrongType(`option ${name} must be a number, got ${describe(value)}`);
  if (Number.isNaN(value)) throw outOfRange(`option ${name} must be a number, got NaN`);
  return value;
}

function readVersion(options) {
  const version = readNumber(options, "version");
  if (!Number.isInteger(version) || version < 1 || version > VERSION_LIMIT) {
    throw outOfRange(`option version must be an integer from 1 to ${VERSION_LIMIT}, got ${version}`);
  }
  return version;
}

/** How many live objects are kept. */
function readCacheSize(options) {
  const size = readNumber(options, "cacheSize");
  if (size !== Infinity && (!Number.isInteger(size) || size < 1)) {
    throw outOfRange(`option cacheSize must be a positive integer or Infinity, got ${size}`);
  }
  return size;
}

/** A positive number; a falsy one means the default, as in 0.8.1. */
function readPositive(options, name) {
  if (!options[name]) return DEFAULTS[name];
  const [number, limit] = [readNumber(options, name), LIMITS[name]];
  if (number < 0 || number > limit) {
    throw outOfRange(`option ${name} must be positive and at most ${limit}, got ${number}`);
  }
  return number;
}

function readSyncInterval(options) {
  const number = readNumber(options, "syncIntervalMs");
  if (number <= 0 || number > TIMER_LIMIT_MS) {
    throw outOfRange(
      `option syncIntervalMs must be greater than 0 and at most ${TIMER_LIMIT_MS}, got ${number}`,
    );
  }
  return number;
}

/** How long a call of a backend may take. */
function readBackendTimeout(options) {
  const number = readNumber(options, "backendTimeoutMs");
  if (number <= 0 || (number > TIMER_LIMIT_MS && number !== Infinity)) {
    throw outOfRange(
      `option backendTimeoutMs must be Infinity or greater than 0 and at most ${TIMER_LIMIT_MS}, got ${number}`,
    );
  }
  return number;
}

function readMigrate(options, codec) {
  const { migrate } = options;
  if (typeof migrate !== "function")
    throw wrongType(`option migrate must be a function, got ${describe(migrate)}`);
  return codec.migration(migrate);
}

function readWord(options, name) {
  const [word, words] = [options[name], WORDS[name]];
  if (!words.includes(word)) {
    const got = typeof word === "string" ? JSON.stringify(word) : describe(word);
    const quoted = words.map((known) => JSON.stringify(known));
    const listed = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
    throw wrongType(`option ${name} must be ${listed}, got ${got}`);
  }
  return word;
}

/** What keeps writers apart; agents are kept apart by kernel locks alone. */
function readLocking(options, { agentId } = {}) {
  if (!given(options.locking)) return WORDS.locking[0];
  const locking = readWord(options, "locking");
  if (locking !== "kernel" && agentId !== undefined) {
    throw outOfRange('option locking must be "kernel" with an agentId: only kernel locks keep agents apart');
  }
  return locking;
}

/** The backend, checked for the methods that a store opened in this way calls. */
function readBackend(options, { readOnly, agentId }) {
  const { backend } = options;
  if ((typeof backend !== "object" && typeof backend !== "function") || isRevoked(backend)) {
    throw wrongType(`option backend must be an object, got ${describe(backend)}`);
  }
  const needed = [...READER_METHODS];
  if (!readOnly) needed.push(...WRITER_METHODS, ...(agentId === undefined ? LOCK_METHODS : AGENT_METHODS));
  const missing = needed.filter((name) => typeof backend[name] !== "function");
  if (missing.length > 0) throw wrongType(`option backend lacks the method(s) ${missing.join(", ")}`);
  return backend;
}

/**
 * Checks the options of `open()`. Throws `TypeError` or `RangeError` with the code `OPSLOG_INVALID_ARGUMENT`
 * and the option's name; prints 0.8.1's warning when `writeMode` must give way to `agentId`.
 */
function parseOptions(options) {
  checkNames(options, NAMES, "open()");
  if (!given(options)) options = {};
  const read = (name, fallback, reader = readNumber) =>
    given(options[name]) ? reader(options, name) : fallback;
  const readOnly = read("readOnly", false, readBoolean);
  const skipLoad = read("skipLoad", false, readBoolean);
  const checkpointOnClose = read("checkpointOnClose", true, readBoolean);
  // Any number, as in 0.8.1: zero and below let every operation cross it, `Infinity` none.
  const checkpointThreshold = read("checkpointThreshold", DEFAULTS.checkpointThreshold);
  const agentId = read("agentId", undefined, () => checkAgentId(options.agentId));
  const codec = new Codec(options, read("strictJson", false, readBoolean));
  const requestedMode = read("writeMode", WORDS.writeMode[0], readWord);
  const parsed = Object.freeze({
    // Under skipLoad a checkpoint would replace the snapshot with what little is in memory.
    checkpointThreshold: skipLoad ? Infinity : checkpointThreshold,
    checkpointThresholdGiven: given(options.checkpointThreshold),
    checkpointOnClose: checkpointOnClose && !skipLoad,
    checkpointOnCloseGiven: given(options.checkpointOnClose),
    cacheSize: read("cacheSize", Infinity, readCacheSize),
    version: read("version", DEFAULTS.version, readVersion),
    versionGiven: given(options.version),
    migrate: read("migrate", identity, () => readMigrate(options, codec)),
    codec,
    readOnly,
    skipLoad,
    agentId,
    backend: read("backend", undefined, () => readBackend(options, { readOnly, agentId })),
    writeMode: agentId === undefined ? requestedMode : "immediate",
    groupCommitSize: read("groupCommitSize", DEFAULTS.groupCommitSize, readPositive),
    groupCommitMs: read("groupCommitMs", DEFAULTS.groupCommitMs, readPositive),
    durability: read("durability", WORDS.durability[0], readWord),
    locking: read("locking", WORDS.locking[0], () => readLocking(options, { agentId })),
    recovery: read("recovery", WORDS.recovery[0], readWord),
    syncIntervalMs: read("syncIntervalMs", DEFAULTS.syncIntervalMs, readSyncInterval),
    backendTimeoutMs: read("backendTimeoutMs", Infinity, readBackendTimeout),
    onProgress: read("onProgress", undefined, readOnProgress),
    retain: read("retain", undefined, () => readRetain(options, { readOnly })),
    keepUndo: read("retain", 0, () => readKeepUndo(options, { readOnly, agentId })),
    indexes: read("indexes", undefined, () => readIndexes(options, { skipLoad })),
  });
  if (requestedMode !== parsed.writeMode) warn(messages.writeModeIgnored(requestedMode));
  return parsed;
}

module.exports = { parseOptions, readLocking };
