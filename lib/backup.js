"use strict";

// A copy of a store in a folder: checked here, carried out natively in steps.

const { path } = require("./builtins");
const { wrongType } = require("./errors");
const { settle } = require("./native-errors");
const { describe } = require("./paths");
const { readOnProgress, watched } = require("./progress");

/** Checks what `backup()` was given. */
function parseBackup(dir, options) {
  if (typeof dir !== "string" || dir === "" || dir.includes("\0")) {
    const given = typeof dir === "string" ? JSON.stringify(dir) : describe(dir);
    throw wrongType(`backup needs the path of a folder, got ${given}`);
  }
  const onProgress = readOnProgress(options);
  const { sealedLogs = false, signal } = options ?? {};
  if (typeof sealedLogs !== "boolean") {
    throw wrongType(`option sealedLogs must be a boolean, got ${describe(sealedLogs)}`);
  }
  if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
    throw wrongType(`option signal must be an AbortSignal, got ${describe(signal)}`);
  }
  return { folder: path.resolve(dir), sealedLogs, onProgress, signal };
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

module.exports = { parseBackup, runBackup };
