"use strict";

// Every error that the package throws is made here, and carries a stable `code`. Messages of 0.8.1 are
// spelled in `messages` and must stay equal to the byte: dependents match on them.

const { getSystemErrorMap } = require("../platform/builtins").util;
const { printable } = require("./printable");

const messages = Object.freeze({
  notOpen: () => "Store is not open. Call open() first.",
  viewClosed: () => "This view was closed. Call at() for another one.",
  readOnly: () => "Store is read-only. Cannot perform mutations.",
  noStore: () => "Cannot open in readOnly mode: no existing store found",
  notFound: (id) => `Record '${id}' not found`,
  compactionLocked: () => "Compaction lock held by another agent",
  snapshotMissing: (relativePath) =>
    `Snapshot file not found: ${relativePath}. The data directory may be corrupted.`,
  skipLoadCompact: () => "Cannot compact in skipLoad mode — in-memory Map is incomplete",
  archiveNotFound: (segment) => `Archive segment '${segment}' not found`,
  manifestMissing: () => "Manifest not found during refresh",
  negativeRange: () => "readBlobRange: offset and length must be non-negative",
  writeModeIgnored: (mode) =>
    `opslog: writeMode '${mode}' is not compatible with multi-writer (agentId). Using 'immediate'.`,
  durabilityOfBackend: (durability) =>
    `option durability "${durability}" is for stores in a folder; what is durable behind a backend is the backend's affair`,
  recoveryOfBackend: (recovery) =>
    `option recovery "${recovery}" is for stores in a folder; what a backend makes of malformed lines is its affair`,
  backupOfBackend: () =>
    "backup() copies a store in a folder; how to copy what is behind a backend is the backend's affair",
  backupOfMemory: () =>
    "backup() copies a store in a folder, and a store in memory has none: write its entries() elsewhere",
  recoverable: () =>
    "Store.recover(dir, to), or opslog recover <folder> <to>, puts a store together from what is sound in this folder",
  retentionOfBackend: (what, method) =>
    `${what} needs the method ${method} of the backend, which this one lacks`,
  keepUndoOfAgents: () =>
    "the option retain.undo is for a single writer: a compaction of agents takes the operations of all of them along; open the " +
    "store without agentId, or go back with revert()",
  exists: (id) => `Record '${id}' exists already`,
  withinTransaction: () =>
    "the function of a transaction works with its argument: a call to the store itself would not be part of it",
  batchOver: () => "the batch is over: use its argument only while its function runs",
  withinBatch: () =>
    "a transaction cannot begin within batch(): set() and delete() are what a batch is made of",
  skipLoadTransaction: () => "a transaction reads records, and with skipLoad there are none in memory",
  skipLoadPast: () => "at() needs the records of the store, which skipLoad leaves out",
  transactionsOfBackend: () =>
    "transactions among agents need a lock that a storage backend does not have; open without agentId, or use a folder",
  newerVersion: (found, version) =>
    `The store has records of version ${found}, and this program gave version ${version}: it must not write to it. ` +
    "Use the newer program, or open the store read-only.",
  severalVersions: (found) =>
    `A migration to version ${found} has not come to its end, and no snapshot can hold records of several versions. ` +
    `Open the store once with version ${found} and its migrate function.`,
  missingLog: ({ path, bytes }) =>
    `opslog: ${path} is missing; it ${bytes === null ? "held operations" : `had ${bytes} bytes when it was closed`}`,
  skippedLines: (count, path) => `opslog: skipped ${count} malformed line(s) in ${path}`,
});

/** Errors whose messages show what the caller gave, an id for one, as 0.8.1 shows it. */
const SHOWN_AS_GIVEN = new Set(["OPSLOG_NOT_FOUND", "OPSLOG_INVALID_VALUE"]);

const classes = Object.freeze({ TypeError, RangeError, SyntaxError });

/**
 * Makes an error with a code. `extra` may hold `kind` (the name of the class), `cause`, and any property
 * that the error is to carry (`path`, `offset`, `errno`, `syscall`).
 */
function opslogError(code, message, extra = {}) {
  const { kind, cause, ...properties } = extra;
  const Class = classes[kind] ?? Error;
  const shown = SHOWN_AS_GIVEN.has(code) ? message : printable(message);
  const error = cause === undefined ? new Class(shown) : new Class(shown, { cause });
  return Object.assign(error, properties, { code });
}

/** An argument or option of a wrong type (`TypeError`). */
function wrongType(message, cause) {
  return opslogError("OPSLOG_INVALID_ARGUMENT", message, { kind: "TypeError", cause });
}

/** An argument or option of the right type with a value that cannot be (`RangeError`). */
function outOfRange(message) {
  return opslogError("OPSLOG_INVALID_ARGUMENT", message, { kind: "RangeError" });
}

/** Wraps what `node:fs` threw: Node's own message, errno, syscall and path, and Node's error as `cause`. */
function ioError(cause) {
  if (cause?.code === undefined || cause.syscall === undefined) return cause;
  const { errno, syscall, path } = cause;
  return opslogError("OPSLOG_IO", cause.message, {
    cause,
    errno,
    syscall,
    ...(path !== undefined && { path }),
  });
}

/** Says that a file is not what it must be. The message stays that of the parser or validator. */
function corruptError(cause, path, offset) {
  const extra = { kind: cause.name, cause, path };
  if (offset !== undefined) extra.offset = offset;
  return opslogError("OPSLOG_CORRUPT", cause.message, extra);
}

/** Says that the manifest's content is not what it must be. Of nothing the parser's message says too little. */
function manifestError(cause, path, content) {
  const error = corruptError(cause, path);
  if (/^[\s\0]*$/.test(content))
    error.message += `: ${printable(path)} is empty. Put one from a backup in its place: it says which files are current`;
  return error;
}

function notOpen() {
  return opslogError("OPSLOG_NOT_OPEN", messages.notOpen());
}

/** The error that Node itself throws for a failed system call, from the pieces that the native side has. */
function systemError({ errno, systemCode, syscall, path }, fallbackMessage) {
  const [name, description] = getSystemErrorMap().get(errno) ?? [systemCode];
  const code = systemCode ?? name;
  let message = fallbackMessage;
  if (code !== undefined && description !== undefined) {
    message = `${code}: ${description}`;
    if (syscall !== undefined) message += `, ${syscall}`;
    if (path !== undefined) message += ` '${path}'`;
  }
  const properties = { errno, code, syscall, path };
  for (const key of Object.keys(properties)) if (properties[key] === undefined) delete properties[key];
  return Object.assign(new Error(printable(message)), properties);
}

/** Whether a decoded message describes a failed system call. */
function isSystemFailure(details) {
  return details.systemCode !== undefined || typeof details.errno === "number";
}

/** What a message of the native side says, or `null` if it is plain text. */
function parseDetails(message) {
  if (typeof message !== "string" || !message.startsWith("{")) return null;
  try {
    const details = JSON.parse(message);
    return typeof details.code === "string" && typeof details.message === "string" ? details : null;
  } catch {
    return null;
  }
}

/**
 * Decodes an error of the native side, whose message is JSON: `code`, `message`, and where they apply `kind`,
 * `path`, `offset`, `pid`, `syscall`, `errno` (negative, as Node has it) and `systemCode` (`"ENOSPC"`). Any
 * other error is returned as it is.
 */
function fromNative(error) {
  const details = parseDetails(error?.message);
  if (details === null) return error;
  const { code, message, systemCode: _systemCode, cause: _cause, ...rest } = details;
  if (!isSystemFailure(details)) return opslogError(code, message, rest);
  const cause = systemError(details, message);
  return opslogError(code, code === "OPSLOG_IO" ? cause.message : message, { ...rest, cause });
}

module.exports = {
  messages,
  notOpen,
  opslogError,
  wrongType,
  outOfRange,
  ioError,
  corruptError,
  manifestError,
  fromNative,
};
