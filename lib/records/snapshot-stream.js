"use strict";

// Records of a snapshot file one by one, without holding the file.

const { readFolder, readRelativePath, readSignalAlone } = require("../arguments/checks");
const { path } = require("../platform/builtins");
const { readSnapshot } = require("../fs/snapshot-reader");
const { pacedSteps } = require("../writing/turns");

/**
 * Yields `[id, record]` in the file's order and returns `{version}`. Reads about a megabyte ahead; the two
 * old formats, which are one JSON document, are read whole.
 */
function streamSnapshotFile(dir, relativePath, options) {
  return pacedSteps(() => {
    const folder = readFolder(dir, "streamSnapshotFile()");
    readRelativePath(relativePath, "relativePath");
    const signal = readSignalAlone(options, "streamSnapshotFile()");
    return snapshotEntries(folder, relativePath, { signal });
  });
}

/** The same, for a caller that lets the event loop have its turns itself. */
async function* snapshotEntries(folder, relativePath, { signal, codec }) {
  signal?.throwIfAborted();
  const batches = readSnapshot(path.join(folder, relativePath));
  try {
    for (;;) {
      const { done, value } = await batches.next();
      signal?.throwIfAborted();
      if (done) return { version: value };
      for (const entry of value) {
        yield codec === undefined ? entry : [entry[0], codec.value(entry[1])];
        signal?.throwIfAborted();
      }
    }
  } finally {
    await batches.return();
  }
}

module.exports = { snapshotEntries, streamSnapshotFile };
