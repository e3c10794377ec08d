"use strict";

// What a backend returned, checked: a wrong answer is an error that names the method, never a silent loss.

const { Buffer } = require("../platform/builtins").buffer;
const { opslogError, wrongType } = require("../errors/errors");
const { describe } = require("../arguments/paths");

function wrong(method, wanted, got) {
  return opslogError(
    "OPSLOG_CORRUPT",
    `The backend's ${method}() must return ${wanted}, it returned ${describe(got)}`,
  );
}

function path(method, value) {
  if (typeof value !== "string" || value === "")
    throw wrong(method, "a path, a string that is not empty", value);
  return value;
}

function version(method, value) {
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw wrong(method, "a string or null", value);
  return value;
}

/** The manifest; `null` and `undefined` say that there is none. */
function manifest(method, value) {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object") throw wrong(method, "a manifest or null", value);
  return value;
}

function operations(method, value) {
  if (!Array.isArray(value)) throw wrong(method, "an array of operations", value);
  return value;
}

/** A `Map` of records, also one of another realm. */
function records(method, value) {
  const isMap = typeof value?.entries === "function" && typeof value.get === "function";
  if (!isMap) throw wrong(method, "a Map of records", value);
  for (const id of value.keys()) if (typeof id !== "string") throw wrong(method, "a Map by ids", id);
  return value;
}

/** A piece of a snapshot: ids and records. */
function entries(method, value) {
  const isEntry = (entry) => Array.isArray(entry) && typeof entry[0] === "string";
  if (!Array.isArray(value) || !value.every(isEntry)) throw wrong(method, "arrays of ids and records", value);
  return value;
}

/** How many bytes were deleted; `null` and `undefined` say that nothing was there, or that it goes later. */
function bytes(method, value) {
  if (value === undefined || value === null) return null;
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(method, "a number of bytes or null", value);
  return value;
}

/** Lines in pieces. */
function bodies(method, value) {
  if (!Array.isArray(value) || !value.every((piece) => ArrayBuffer.isView(piece)))
    throw wrong(method, "an array of Buffers", value);
  return value;
}

/** A part of a blob. */
function range(method, value) {
  if (!ArrayBuffer.isView(value)) throw wrong(method, "a Buffer", value);
  return value;
}

/** A piece of a snapshot that the backend hands over. */
function piece(value) {
  if (ArrayBuffer.isView(value)) return value;
  throw wrongType(`writeSnapshotFrom() must pass Buffers to onBytes(), got ${describe(value)}`);
}

/** The text of a blob. */
function text(method, value) {
  if (typeof value?.toString !== "function" || typeof value.length !== "number") {
    throw wrong(method, "a Buffer", value);
  }
  return Buffer.from(value).toString("utf8");
}

/** Files with their sizes. */
function files(method, value) {
  const isFile = (file) => typeof file?.path === "string" && Number.isSafeInteger(file.bytes);
  if (!Array.isArray(value) || !value.every(isFile))
    throw wrong(method, "an array of { path, bytes }", value);
  return value;
}

function boolean(method, value) {
  if (typeof value !== "boolean") throw wrong(method, "a boolean", value);
  return value;
}

module.exports = {
  bodies,
  boolean,
  bytes,
  entries,
  files,
  manifest,
  operations,
  path,
  piece,
  range,
  records,
  text,
  version,
};
