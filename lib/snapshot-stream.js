"use strict";

// Records of a snapshot file one by one, without holding the file.

const path = require("node:path");
const { pacedSteps } = require("./turns");

/**
 * Yields `[id, record]` in the file's order and returns `{version}`. Reads about a megabyte ahead; the two
 * old formats, which are one JSON document, are read whole.
 */
function streamSnapshotFile(dir, relativePath, options) {
  return pacedSteps(stepsOf(dir, relativePath, options));
}

async function* stepsOf(dir, relativePath, { signal } = {}) {
  signal?.throwIfAborted();
  const { readSnapshot } = require("./fs/snapshot"); // loaded when first used, as few programs come here
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

module.exports = { streamSnapshotFile };
