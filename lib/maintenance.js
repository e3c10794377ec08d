"use strict";

// What is done to a folder without opening it: checking, mending.

const { path } = require("./builtins");
const native = require("./native");
const { ensurePermitted } = require("./native/permission");
const { settle } = require("./native-errors");
const { NativeMeter, readOnProgress, watched } = require("./progress");
const { now } = require("./values");

/** Runs native work on a folder, which returns JSON. */
async function maintain(dir, options, { write }, work) {
  const onProgress = readOnProgress(options);
  const root = path.resolve(dir);
  ensurePermitted(root, { write });
  const addon = native.load();
  const progress = new addon.NativeProgress();
  const meter = new NativeMeter(progress);
  return JSON.parse(await watched(onProgress, meter, root, () => settle(work(addon, root, progress))));
}

function verifyFolder(dir, options) {
  return maintain(dir, options, { write: false }, (addon, root, progress) =>
    addon.folderVerify(root, progress),
  );
}

function repairFolder(dir, options) {
  return maintain(dir, options, { write: true }, (addon, root, progress) =>
    addon.folderRepair(root, now(), progress),
  );
}

module.exports = { repairFolder, verifyFolder };
