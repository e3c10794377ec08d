"use strict";

// Archive segments, each one JSON document with the records of a period.

const { checkPeriod } = require("../arguments/paths");
const { now } = require("../arguments/values");
const { readingExisting, writing } = require("./calls");
const { recordLists } = require("./lists");

/** Adds records to the segment of a period, creating it if it is missing. Returns its path inside the store. */
async function writeArchiveSegment(root, period, records) {
  checkPeriod(period);
  const lists = [...recordLists(records)];
  return writing(root, (addon) => addon.segmentMerge(root, period, now(), lists));
}

/** Reads a segment's records. A missing file keeps Node's own `ENOENT`. */
async function loadArchiveSegment(file) {
  const records = new Map();
  for (const piece of await readingExisting(file, (addon) => addon.segmentLoad(file))) {
    const list = JSON.parse(piece);
    for (let index = 0; index < list.length; index += 2) records.set(list[index], list[index + 1]);
  }
  return records;
}

module.exports = { loadArchiveSegment, writeArchiveSegment };
