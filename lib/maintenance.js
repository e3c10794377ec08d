"use strict";

// What is done to a folder without opening it: checking, mending.

const { readFolder } = require("./arguments");
const native = require("./native");
const { ensurePermitted } = require("./native/permission");
const { settle } = require("./native-errors");
const { checkNames } = require("./option-names");
const { NativeMeter, readOnProgress, watched } = require("./progress");
const { now } = require("./values");

/** Runs native work on a folder, which returns JSON. */
async function maintain(dir, options, { method, write }, work) {
  checkNames(options, ["onProgress"], method);
  const onProgress = readOnProgress(options);
  const root = readFolder(dir, method);
  ensurePermitted(root, { write });
  const addon = native.load();
  const progress = new addon.NativeProgress();
  const meter = new NativeMeter(progress);
  return JSON.parse(await watched(onProgress, meter, root, () => settle(work(addon, root, progress), root)));
}

function verifyFolder(dir, options) {
  return maintain(dir, options, { method: "verify()", write: false }, (addon, root, progress) =>
    addon.folderVerify(root, progress),
  );
}

function repairFolder(dir, options) {
  return maintain(dir, options, { method: "repair()", write: true }, (addon, root, progress) =>
    addon.folderRepair(root, now(), progress),
  );
}

module.exports = { repairFolder, verifyFolder };
