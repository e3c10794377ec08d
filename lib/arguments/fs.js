"use strict";

// What callers hand to the methods of an FsBackend beside paths. Whatever would be written and could not be read again is
// refused before a byte is written.

const { messages, opslogError, outOfRange, wrongType } = require("../errors/errors");
const { isList, isObject, isRecord } = require("./kinds");
const { describe } = require("./paths");

const VERSION_LIMIT = 2 ** 31 - 1;

function checkOptions(opts, method) {
  if (!isObject(opts))
    throw wrongType(`${method} takes { readOnly } behind the folder, got ${describe(opts)}`);
}

function checkManifest(manifest) {
  if (!isRecord(manifest)) {
    throw wrongType(`writeManifest() takes a manifest, got ${describe(manifest)}`);
  }
}

/** Records are a Map, or whatever yields pairs of an id and a value. */
function checkRecords(records, method) {
  if (isObject(records) && typeof records[Symbol.iterator] === "function") return;
  throw wrongType(`${method} takes a Map of records, got ${describe(records)}`);
}

function checkVersion(version) {
  if (typeof version !== "number") throw wrongType(`version must be a number, got ${describe(version)}`);
  if (!Number.isInteger(version) || version < 1 || version > VERSION_LIMIT) {
    throw outOfRange(`version must be an integer from 1 to ${VERSION_LIMIT}, got ${version}`);
  }
}

function checkOperations(ops) {
  if (!isList(ops)) throw wrongType(`appendOps() takes an array of operations, got ${describe(ops)}`);
  for (const op of ops) {
    if (!isObject(op)) throw wrongType(`appendOps() takes operations, and one of them is ${describe(op)}`);
  }
}

function checkHandle(handle, method) {
  if (isObject(handle) && isObject(handle.fh)) return;
  throw wrongType(`${method} takes what the lock was acquired with, got ${describe(handle)}`);
}

/** What `node:fs` writes: text, bytes, or what yields either. */
function checkContent(content) {
  if (typeof content === "string" || ArrayBuffer.isView(content)) return;
  const isIterable =
    isObject(content) && (content[Symbol.iterator] ?? content[Symbol.asyncIterator]) !== undefined;
  if (!isIterable) throw wrongType(`writeBlob() takes a Buffer or a string, got ${describe(content)}`);
}

/** A range of bytes; a length of Infinity reaches to the end. */
function checkRange(offset, length) {
  for (const [name, value] of Object.entries({ offset, length })) {
    if (typeof value !== "number") throw wrongType(`${name} must be a number, got ${describe(value)}`);
  }
  if (offset < 0 || length < 0) throw opslogError("OPSLOG_INVALID_ARGUMENT", messages.negativeRange());
  if (!Number.isSafeInteger(offset) || !(Number.isSafeInteger(length) || length === Infinity)) {
    throw outOfRange(`readBlobRange: offset and length must be integers, got ${offset} and ${length}`);
  }
}

module.exports = {
  checkContent,
  checkHandle,
  checkManifest,
  checkOperations,
  checkOptions,
  checkRange,
  checkRecords,
  checkVersion,
};
