"use strict";

// A copy of a store in a folder: checked here, carried out natively in steps.

const { readFolder, readSignal } = require("../arguments/checks");
const { wrongType } = require("../errors/errors");
const { settle } = require("../errors/native");
const { checkNames } = require("../arguments/option-names");
const { describe } = require("../arguments/paths");
const { readOnProgress, watched } = require("../arguments/progress");

/** Checks what `backup()` was given. */
function parseBackup(dir, options) {
  const folder = readFolder(dir, "backup");
  checkNames(options, ["sealedLogs", "onProgress", "signal"], "backup()");
  const sealedLogs = options?.sealedLogs ?? false;
  if (typeof sealedLogs !== "boolean") {
    throw wrongType(`option sealedLogs must be a boolean, got ${describe(sealedLogs)}`);
  }
  return { folder, sealedLogs, onProgress: readOnProgress(options), signal: readSignal(options) };
}

/** How many bytes were copied. */
class CopyMeter {
  #done = 0;
  #total = 0;

  reset() {}

  set(done, total) {
    this.#done = done;
    this.#total = total;
  }

  read() {
    return { phase: "backup", done: this.#done, total: this.#total, unit: "bytes" };
  }
}

/** Copies a native store. What goes wrong leaves nothing behind. */
async function runBackup(core, { folder, sealedLogs, onProgress, signal }) {
  signal?.throwIfAborted();
  const meter = new CopyMeter();
  const copy = await settle(core.backup(folder, sealedLogs));
  try {
    return await watched(onProgress, meter, folder, async () => {
      for (;;) {
        signal?.throwIfAborted();
        const [bytes, total, files, isComplete] = await settle(copy.step());
        meter.set(bytes, total);
        if (isComplete) return { files: files + 1, bytes };
      }
    });
  } finally {
    await settle(copy.end());
  }
}

/** The copies of a store that are under way: they know of the log's cuts only while the store has it. */
class Backups {
  #core;
  #underWay = new Set();

  constructor(core) {
    this.#core = core;
  }

  run(options) {
    const copying = runBackup(this.#core, options);
    this.#underWay.add(copying);
    const ended = () => this.#underWay.delete(copying);
    copying.then(ended, ended);
    return copying;
  }

  /** Resolves when all have ended that are under way now. */
  ended() {
    return Promise.allSettled(this.#underWay);
  }
}

module.exports = { Backups, parseBackup };
