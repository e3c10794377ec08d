/** Options of `open()` for each way in which a store may be kept, read and written. */
import { memoryBackend, memoryBucket } from "./memory-backend.mjs";

const manual = { checkpointThreshold: 1e9, checkpointOnClose: false };

/** The options by name; a bucket and an `FsBackend` class are what backends among them rest on. */
export function carriers({ FsBackend, bucket = memoryBucket() }) {
  class Subclass extends FsBackend {}
  const memory = (options) => memoryBackend(bucket, { turn: null, ...options });
  return {
    "a folder": { ...manual },
    "a folder in group mode": { ...manual, writeMode: "group", groupCommitMs: 1 },
    "a folder in async mode": { ...manual, writeMode: "async", groupCommitMs: 1 },
    "a folder with checkpoints": { checkpointThreshold: 2 },
    "a folder with synced writes": { ...manual, durability: "always" },
    "a folder with synced intervals": { ...manual, durability: "interval", syncIntervalMs: 1 },
    "a folder with skipLoad": { ...manual, skipLoad: true },
    "a folder with cacheSize": { ...manual, cacheSize: 2 },
    "a folder of agents": { ...manual, agentId: "one" },
    "a reader": { readOnly: true },
    "a backend": { ...manual, backend: memory() },
    "a backend in group mode": { ...manual, backend: memory(), writeMode: "group", groupCommitMs: 1 },
    "a backend with agents": { ...manual, backend: memory(), agentId: "one" },
    "a backend with conditions": { ...manual, backend: memory({ conditional: true }), agentId: "one" },
    "a reader of a backend": { readOnly: true, backend: memory() },
    "a subclass of FsBackend": { ...manual, backend: new Subclass() },
    "a subclass of FsBackend with agents": { ...manual, backend: new Subclass(), agentId: "one" },
  };
}

export const carrierNames = Object.keys(carriers({ FsBackend: class {} }));
