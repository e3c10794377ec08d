// The same classes as through require(): one implementation, so `instanceof` holds across both.
import opslog from "./index.js";

export const {
  Store,
  FsBackend,
  LamportClock,
  createDelta,
  applyDelta,
  isDeltaSmaller,
  streamSnapshotFile,
  acquireLock,
  releaseLock,
  validateOp,
  validateManifest,
  validateSnapshot,
  validateArchiveSegment,
} = opslog;
