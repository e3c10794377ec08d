"use strict";

// The package's public face. Requiring it loads no binary: that happens when a store is opened.

const { acquireLock, releaseLock } = require("./lib/folder/lock");
const { LamportClock } = require("./lib/operations/clock");
const { createDelta, applyDelta, isDeltaSmaller } = require("./lib/operations/delta");
const { FsBackend } = require("./lib/fs/backend");
const { streamSnapshotFile } = require("./lib/records/snapshot-stream");
const { Store } = require("./lib/store");
const {
  validateOp,
  validateManifest,
  validateSnapshot,
  validateArchiveSegment,
} = require("./lib/operations/validate");

module.exports = {
  Store,
  FsBackend,
  LamportClock,
  createDelta,
  applyDelta,
  isDeltaSmaller,
  streamSnapshotFile,
  acquireLock,
  releaseLock,
  validateOp,
  validateManifest,
  validateSnapshot,
  validateArchiveSegment,
};
