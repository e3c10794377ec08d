"use strict";

// Calls of the native side for single files. Its system calls do not ask Node's permission model: that is done here.

const { settle } = require("../errors/native");
const native = require("../native");
const { ensurePermitted } = require("../native/permission");

/** Loads the addon, if there is one: the first call that needs it says what is wrong. */
function prepare() {
  try {
    native.load();
  } catch {
    // Blobs need none.
  }
}

/** Calls a function of the addon that reads a file or folder. */
async function reading(file, call) {
  ensurePermitted(file, { write: false });
  return settle(call(native.load()));
}

/** As `reading()`. That there is no such file keeps Node's own `ENOENT`. */
async function readingExisting(file, call) {
  try {
    return await reading(file, call);
  } catch (error) {
    throw error.cause?.code === "ENOENT" ? error.cause : error;
  }
}

/** Calls a function of the addon that writes in a store's folder. */
async function writing(root, call) {
  ensurePermitted(root, { write: true });
  return settle(call(native.load()));
}

module.exports = { prepare, reading, readingExisting, writing };
