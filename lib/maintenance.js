"use strict";

// What is done to a folder without opening it: checking, mending.

const path = require("node:path");
const native = require("./native");
const { settle } = require("./native-errors");
const { NativeMeter, readOnProgress, watched } = require("./progress");
const { now } = require("./values");

/** Runs native work on a folder, which returns JSON. */
async function maintain(dir, options, work) {
  const onProgress = readOnProgress(options);
  const root = path.resolve(dir);
  const addon = native.load();
  const progress = new addon.NativeProgress();
  const meter = new NativeMeter(progress);
  return JSON.parse(await watched(onProgress, meter, root, () => settle(work(addon, root, progress))));
}

function verifyFolder(dir, options) {
  return maintain(dir, options, (addon, root, progress) => addon.folderVerify(root, progress));
}

function repairFolder(dir, options) {
  return maintain(dir, options, (addon, root, progress) => addon.folderRepair(root, now(), progress));
}

module.exports = { repairFolder, verifyFolder };
