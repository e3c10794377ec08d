"use strict";

// What is done to a folder without opening it: checking, mending.

const { readFolder, readSignal } = require("../arguments/checks");
const { messages } = require("../errors/errors");
const native = require("../native");
const { ensurePermitted } = require("../native/permission");
const { settle } = require("../errors/native");
const { checkNames, checkOptions } = require("../arguments/option-names");
const { readLocking } = require("../arguments/options");
const { NativeMeter, readOnProgress, watched } = require("../arguments/progress");
const { readIndexes } = require("../arguments/indexes");
const { now } = require("../arguments/values");

/** Runs native work on a folder, which returns JSON. */
async function maintain(dir, options, { method, write, names = [] }, work) {
  checkNames(options, ["onProgress", ...names], method);
  const onProgress = readOnProgress(options);
  const root = readFolder(dir, method);
  ensurePermitted(root, { write });
  const addon = native.load();
  const progress = new addon.NativeProgress();
  const meter = new NativeMeter(progress);
  return JSON.parse(await watched(onProgress, meter, root, () => settle(work(addon, root, progress), root)));
}

/** Adds what helps where a file in force is damaged that nothing mends. */
function withAdvice(report) {
  if (!report?.damage.some(({ current, remedy }) => current && remedy === null)) return report;
  return { ...report, advice: messages.recoverable() };
}

async function verifyFolder(dir, options) {
  checkOptions(options);
  const indexes = readIndexes(options ?? {}, { skipLoad: false });
  const report = await maintain(
    dir,
    options,
    { method: "verify()", names: ["indexes"], write: false },
    (addon, root, progress) => addon.folderVerify(root, progress, indexes),
  );
  for (const found of report.duplicates ?? []) {
    found.value = JSON.parse(found.valueText);
    delete found.valueText;
  }
  return withAdvice(report);
}

async function repairFolder(dir, options) {
  checkOptions(options);
  const byPid = readLocking(options ?? {}) === "pid";
  const repaired = await maintain(
    dir,
    options,
    { method: "repair()", names: ["locking"], write: true },
    (addon, root, progress) => addon.folderRepair(root, now(), progress, byPid),
  );
  return { ...repaired, before: withAdvice(repaired.before), after: withAdvice(repaired.after) };
}

async function recoverFolder(dir, to, options) {
  checkOptions(options);
  const target = readFolder(to, "recover()");
  ensurePermitted(target, { write: true });
  const signal = readSignal(options);
  signal?.throwIfAborted();
  let abandon;
  try {
    return await maintain(
      dir,
      options,
      { method: "recover()", names: ["signal"], write: false },
      (addon, root, progress) => {
        abandon = () => progress.abandon();
        signal?.addEventListener("abort", abandon);
        return addon.folderRecover(root, target, now(), progress);
      },
    );
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abandon);
  }
}

module.exports = { recoverFolder, repairFolder, verifyFolder };
