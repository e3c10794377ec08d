"use strict";

// Reads snapshot files in pieces. What 0.8.1 wrote as one document is parsed by V8, whose words for what is wrong are shown.

const { corruptError } = require("../errors/errors");
const { settle } = require("../errors/native");
const { validateSnapshot } = require("../operations/validate");
const { readingExisting } = require("./calls");

function parseDocument(text, file) {
  try {
    return validateSnapshot(JSON.parse(text));
  } catch (error) {
    throw corruptError(error, file, 0);
  }
}

/**
 * Yields a snapshot's records as arrays of `[id, record]`, about a megabyte of text each, and returns its
 * version. A missing file keeps Node's own `ENOENT`.
 */
async function* readSnapshot(file) {
  const reader = await readingExisting(file, (addon) => addon.snapshotRead(file));
  try {
    const document = reader.document();
    if (document !== null) {
      const { records, version } = parseDocument(document, file);
      yield Object.entries(records);
      return version;
    }
    for (;;) {
      const records = JSON.parse(await settle(reader.next()));
      if (records.length === 0) return JSON.parse(reader.header()).version;
      yield records.map(({ id, data }) => [id, data]);
    }
  } finally {
    reader.close();
  }
}

module.exports = { readSnapshot };
