"use strict";

// By what a backend keeps two writers apart, and what its answers mean.

const { FsBackend } = require("../fs/backend");
const { MemoryBackend } = require("./memory");

const { acquireLock } = FsBackend.prototype;

/** No other store reaches this memory, and what is there is there. */
const memory = {
  kernelLock: true,
  conditional: false,
  exactVersions: true,
  answersAreFinal: true,
  endsBatches: false,
  compactionLock: false,
  singleLock: false,
  wholeAppends: false,
  closesLogs: false,
  tellsChanges: false,
  keepsNotes: true,
  isPrivate: true,
  deletesLogs: true,
  deletesSnapshots: false,
  keepsIndexes: false,
};

function factsOf(backend) {
  if (backend instanceof MemoryBackend) return memory;
  const has = (method) => typeof backend[method] === "function";
  // A subclass writes files: what failed has no effect later, and what is read is what was written.
  const isFolder = backend instanceof FsBackend;
  const conditional = has("writeManifestIf");
  return {
    kernelLock: isFolder && backend.acquireLock === acquireLock,
    conditional,
    // The time of a file's change is too coarse to tell two changes apart.
    exactVersions: has("getManifestVersion") && !(isFolder && !conditional),
    answersAreFinal: isFolder,
    endsBatches: isFolder,
    compactionLock: has("acquireCompactionLock"),
    singleLock: has("acquireLock"),
    wholeAppends: backend.appendsAreWhole === true,
    // Without conditions, what closes a log does not close the manifest.
    closesLogs: conditional && has("closeOpsFile"),
    tellsChanges: has("changeToken"),
    keepsNotes: has("writeBlob") && has("readBlob") && has("deleteBlob"),
    isPrivate: false,
    deletesLogs: has("deleteOpsFile"),
    deletesSnapshots: has("deleteSnapshot"),
    keepsIndexes: has("writeBlob") && has("readBlobRange") && has("deleteBlob"),
  };
}

module.exports = { factsOf };
