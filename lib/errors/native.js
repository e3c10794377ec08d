"use strict";

// Calls into the native side, with its errors decoded.

const { corruptError, fromNative, manifestError, messages } = require("./errors");
const native = require("../native");
const { validateArchiveSegment, validateManifest } = require("../operations/validate");

/** The calls that are made for every record. NOTE: the addon has so many that V8 looks each up by its name. */
let calls = null;

function rawCalls() {
  if (calls === null) {
    const { deleteRecord, getRecord, hasRecord, setRecord } = native.load();
    calls = { deleteRecord, getRecord, hasRecord, setRecord };
  }
  return calls;
}

const validators = { manifest: validateManifest, segment: validateArchiveSegment };

/** Decodes an error; for text that cannot be read it lets V8 and the validator find the words, as 0.8.1 does. */
function decode(error) {
  const decoded = fromNative(error);
  if (decoded.valueText !== undefined) {
    decoded.value = JSON.parse(decoded.valueText);
    delete decoded.valueText;
  }
  if (decoded.content === undefined) return decoded;
  const { content, document, offset, path } = decoded;
  try {
    const parsed = JSON.parse(content);
    validators[document]?.(parsed);
  } catch (cause) {
    return document === "manifest" ? manifestError(cause, path, content) : corruptError(cause, path, offset);
  }
  delete decoded.content;
  delete decoded.document;
  return decoded;
}

/** Calls a function and decodes what it throws. */
function call(run) {
  try {
    return run();
  } catch (error) {
    throw decode(error);
  }
}

/** Awaits a promise and decodes what it rejects with. That there is no store is said of the folder. */
async function settle(promise, folder) {
  try {
    return await promise;
  } catch (error) {
    const decoded = decode(error);
    if (decoded.code === "OPSLOG_NO_STORE" && folder !== undefined) decoded.path ??= folder;
    throw decoded;
  }
}

/** Sets a record, given as JSON text. When the native side must know how V8 prints the previous value, it is told. */
function setText(handle, id, text, ms, check) {
  try {
    return rawCalls().setRecord(handle, id, text, ms, check);
  } catch (error) {
    const decoded = decode(error);
    if (decoded.code !== "OPSLOG_NOT_CANONICAL") throw decoded;
    const previous = JSON.stringify(JSON.parse(decoded.text));
    return call(() => rawCalls().setRecord(handle, id, text, ms, check, previous));
  }
}

/** Deletes a record. The id of a missing one is put into words here: Rust would show it lossily. */
function deleteRecord(handle, id, ms, check) {
  try {
    return rawCalls().deleteRecord(handle, id, ms, check);
  } catch (error) {
    const decoded = decode(error);
    if (decoded.code === "OPSLOG_NOT_FOUND") decoded.message = messages.notFound(id);
    throw decoded;
  }
}

/** A record's JSON text: `null` if there is no record, empty for the value `undefined`. */
function getText(handle, id) {
  try {
    return rawCalls().getRecord(handle, id);
  } catch (error) {
    throw decode(error);
  }
}

/** Whether there is a record. */
function hasRecord(handle, id) {
  try {
    return rawCalls().hasRecord(handle, id);
  } catch (error) {
    throw decode(error);
  }
}

module.exports = { call, decode, deleteRecord, getText, hasRecord, setText, settle };
