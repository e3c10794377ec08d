"use strict";

// Records of a snapshot file one by one, without holding the file.

const { path } = require("./builtins");
const { readSnapshot } = require("./fs/snapshot-reader");
const { pacedSteps } = require("./turns");

/**
 * Yields `[id, record]` in the file's order and returns `{version}`. Reads about a megabyte ahead; the two
 * old formats, which are one JSON document, are read whole.
 */
function streamSnapshotFile(dir, relativePath, options) {
  return pacedSteps(() => snapshotEntries(dir, relativePath, options));
}

/** The same, for a caller that lets the event loop have its turns itself. */
async function* snapshotEntries(dir, relativePath, { signal } = {}) {
  signal?.throwIfAborted();
  const batches = readSnapshot(path.resolve(path.join(dir, relativePath)));
  try {
    for (;;) {
      const { done, value } = await batches.next();
      signal?.throwIfAborted();
      if (done) return { version: value };
      for (const entry of value) {
        yield entry;
        signal?.throwIfAborted();
      }
    }
  } finally {
    await batches.return();
  }
}

module.exports = { snapshotEntries, streamSnapshotFile };
