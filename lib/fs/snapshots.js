"use strict";

// Snapshot files, written and loaded. Writing holds about a megabyte of text at a time.

const { now } = require("../arguments/values");
const { settle } = require("../errors/native");
const { writing } = require("./calls");
const { recordLists } = require("./lists");
const { readSnapshot } = require("./snapshot-reader");

/** Writes a snapshot of the records as they are at the call. Returns its path inside the store. */
async function writeSnapshot(root, records, version) {
  const lists = recordLists(records);
  const time = now();
  const draft = await writing(root, (addon) => addon.snapshotBegin(root, version, time));
  let isWhole = false;
  try {
    for (const list of lists) await settle(draft.add(list));
    isWhole = true;
  } finally {
    if (!isWhole) await draft.end(false);
  }
  return settle(draft.end(true));
}

/** Reads a whole snapshot. */
async function loadSnapshot(file) {
  const records = new Map();
  const pieces = readSnapshot(file);
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return { records, version: value };
    for (const [id, record] of value) records.set(id, record);
  }
}

module.exports = { loadSnapshot, writeSnapshot };
