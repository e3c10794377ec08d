"use strict";

// Snapshot files, written and loaded. Writing holds about a megabyte of text at a time.

const { path } = require("../platform/builtins");
const { isoNow } = require("../arguments/values");
const { createNumbered, translated } = require("./durable");
const { SNAPSHOTS, snapshotName } = require("./names");
const { readSnapshot } = require("./snapshot-reader");

const WRITE_CHARACTERS = 1 << 20;

/** Writes a snapshot of the records as they are at the call. Returns its path inside the store. */
async function writeSnapshot(root, records, version) {
  const header = JSON.stringify({ version, timestamp: isoNow() });
  // The caller's map may change while the file is being written: this is what was asked to be kept.
  const ids = [...records.keys()];
  const values = [...records.values()];
  const name = await translated(() =>
    createNumbered(path.join(root, SNAPSHOTS), snapshotName, async (handle) => {
      let text = `${header}\n`;
      for (const [index, id] of ids.entries()) {
        text += `${JSON.stringify({ id, data: values[index] })}\n`;
        if (text.length >= WRITE_CHARACTERS) {
          await handle.appendFile(text);
          text = "";
        }
      }
      await handle.appendFile(text);
    }),
  );
  return `${SNAPSHOTS}/${name}`;
}

/** Reads a whole snapshot. */
async function loadSnapshot(filePath) {
  const records = new Map();
  const batches = readSnapshot(filePath);
  for (;;) {
    const { done, value } = await batches.next();
    if (done) return { records, version: value };
    for (const [id, record] of value) records.set(id, record);
  }
}

module.exports = { writeSnapshot, loadSnapshot };
