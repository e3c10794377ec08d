"use strict";

// Calls into the native side, with its errors decoded.

const { corruptError, fromNative, messages } = require("./errors");
const { validateManifest } = require("./validate");

/** Decodes an error; for a bad manifest it lets V8 and the validator find the words, as 0.8.1 does. */
function decode(error) {
  const decoded = fromNative(error);
  if (decoded.content === undefined) return decoded;
  try {
    validateManifest(JSON.parse(decoded.content));
  } catch (cause) {
    return corruptError(cause, decoded.path);
  }
  delete decoded.content;
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

/** Awaits a promise and decodes what it rejects with. */
async function settle(promise) {
  try {
    return await promise;
  } catch (error) {
    throw decode(error);
  }
}

/** Calls a native `set`. When it must know how V8 prints the previous value, it is told. */
function setText(core, id, text, ms, check) {
  try {
    return core.set(id, text, ms, check);
  } catch (error) {
    const decoded = decode(error);
    if (decoded.code !== "OPSLOG_NOT_CANONICAL") throw decoded;
    const previous = JSON.stringify(JSON.parse(decoded.text));
    return call(() => core.set(id, text, ms, check, previous));
  }
}

/** Calls a native `delete`. The id of a missing record is put into words here: Rust would show it lossily. */
function deleteRecord(core, id, ms, check) {
  try {
    return core.delete(id, ms, check);
  } catch (error) {
    const decoded = decode(error);
    if (decoded.code === "OPSLOG_NOT_FOUND") decoded.message = messages.notFound(id);
    throw decoded;
  }
}

module.exports = { call, deleteRecord, settle, setText };
