"use strict";

// Turns what the caller gave to `open()` into one frozen object with every option in it. An option that is
// `undefined` or `null` means its default, as dependents of 0.8.1 expect.

const { Codec } = require("./codec");
const { messages, outOfRange, wrongType } = require("../errors/errors");
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
const WRITE_MODES = ["immediate", "group", "async"];
const DURABILITIES = ["process", "interval", "always"];
const RECOVERIES = ["skip", "strict"];
const LOCKINGS = ["kernel", "pid"];
const DEFAULTS = Object.freeze({
  checkpointThreshold: 100,
  version: 1,
  groupCommitSize: 50,
  groupCommitMs: 100,
  syncIntervalMs: 1000,
});
const VERSION_LIMIT = 2 ** 31 - 1;
const TIMER_LIMIT_MS = 2 ** 31 - 1;

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

function readBoolean(options, name, fallback) {
  const value = options[name];
  if (!given(value)) return fallback;
  if (typeof value !== "boolean") throw wrongType(`option ${name} must be a boolean, got ${describe(value)}`);
  return value;
}

function readNumber(options, name) {
  const value = options[name];
  if (typeof value !== "number") throw wrongType(`option ${name} must be a number, got ${describe(value)}`);
  if (Number.isNaN(value)) throw outOfRange(`option ${name} must be a number, got NaN`);
  return value;
}

/** Any number, as in 0.8.1: zero and below let every operation cross it, `Infinity` none. */
function readThreshold(options) {
  return given(options.checkpointThreshold)
    ? readNumber(options, "checkpointThreshold")
    : DEFAULTS.checkpointThreshold;
}

function readVersion(options) {
  if (!given(options.version)) return DEFAULTS.version;
  const version = readNumber(options, "version");
  if (!Number.isInteger(version) || version < 1 || version > VERSION_LIMIT) {
    throw outOfRange(`option version must be an integer from 1 to ${VERSION_LIMIT}, got ${version}`);
  }
  return version;
}

/** How many live objects are kept; by default all of them. */
function readCacheSize(options) {
  if (!given(options.cacheSize)) return Infinity;
  const size = readNumber(options, "cacheSize");
  if (size !== Infinity && (!Number.isInteger(size) || size < 1)) {
    throw outOfRange(`option cacheSize must be a positive integer or Infinity, got ${size}`);
  }
  return size;
}

/** A positive number; a falsy one means the default, as in 0.8.1. */
function readPositive(options, name, limit) {
  const value = options[name];
  if (!value) return DEFAULTS[name];
  const number = readNumber(options, name);
  if (number < 0 || number > limit) {
    throw outOfRange(`option ${name} must be positive and at most ${limit}, got ${number}`);
  }
  return number;
}

function readSyncInterval(options) {
  if (!given(options.syncIntervalMs)) return DEFAULTS.syncIntervalMs;
  const number = readNumber(options, "syncIntervalMs");
  if (number <= 0 || number > TIMER_LIMIT_MS) {
    throw outOfRange(
      `option syncIntervalMs must be greater than 0 and at most ${TIMER_LIMIT_MS}, got ${number}`,
    );
  }
  return number;
}

/** How long a call of a backend may take; by default any time. */
function readBackendTimeout(options) {
  if (!given(options.backendTimeoutMs)) return Infinity;
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
  if (!given(migrate)) return identity;
  if (typeof migrate !== "function")
    throw wrongType(`option migrate must be a function, got ${describe(migrate)}`);
  return codec.migration(migrate);
}

/** One of some words, the first if none is given. */
function readWord(options, name, words) {
  const word = options[name];
  if (!given(word)) return words[0];
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
  const locking = readWord(options, "locking", LOCKINGS);
  if (locking !== "kernel" && agentId !== undefined) {
    throw outOfRange('option locking must be "kernel" with an agentId: only kernel locks keep agents apart');
  }
  return locking;
}

/** The backend, checked for the methods that a store opened in this way calls. */
function readBackend(options, { readOnly, agentId }) {
  const { backend } = options;
  if (!given(backend)) return undefined;
  if (typeof backend !== "object" && typeof backend !== "function") {
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
  const readOnly = readBoolean(options, "readOnly", false);
  const skipLoad = readBoolean(options, "skipLoad", false);
  const checkpointOnClose = readBoolean(options, "checkpointOnClose", true);
  const checkpointThreshold = readThreshold(options);
  const agentId = given(options.agentId) ? checkAgentId(options.agentId) : undefined;
  const codec = new Codec(options, readBoolean(options, "strictJson", false));
  const requestedMode = readWord(options, "writeMode", WRITE_MODES);
  const parsed = Object.freeze({
    // Under skipLoad a checkpoint would replace the snapshot with what little is in memory.
    checkpointThreshold: skipLoad ? Infinity : checkpointThreshold,
    checkpointThresholdGiven: given(options.checkpointThreshold),
    checkpointOnClose: checkpointOnClose && !skipLoad,
    checkpointOnCloseGiven: given(options.checkpointOnClose),
    cacheSize: readCacheSize(options),
    version: readVersion(options),
    versionGiven: given(options.version),
    migrate: readMigrate(options, codec),
    codec,
    readOnly,
    skipLoad,
    agentId,
    backend: readBackend(options, { readOnly, agentId }),
    writeMode: agentId === undefined ? requestedMode : "immediate",
    groupCommitSize: readPositive(options, "groupCommitSize", Number.MAX_VALUE),
    groupCommitMs: readPositive(options, "groupCommitMs", TIMER_LIMIT_MS),
    durability: readWord(options, "durability", DURABILITIES),
    locking: readLocking(options, { agentId }),
    recovery: readWord(options, "recovery", RECOVERIES),
    syncIntervalMs: readSyncInterval(options),
    backendTimeoutMs: readBackendTimeout(options),
    onProgress: readOnProgress(options),
    retain: readRetain(options, { readOnly }),
    keepUndo: readKeepUndo(options, { readOnly, agentId }),
    indexes: readIndexes(options, { skipLoad }),
  });
  if (requestedMode !== parsed.writeMode) warn(messages.writeModeIgnored(requestedMode));
  return parsed;
}

module.exports = { parseOptions, readLocking };
