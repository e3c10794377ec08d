/** Where a life takes place: options of `open()` by the name of the kind. */
import { FsBackend } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../../__test__/helpers/memory-backend.mjs";

class Subclass extends FsBackend {}

/** So many records have an order of ids and are walked in several pieces. */
const MANY = 5400;
const few = { groupCommitSize: 5, groupCommitMs: 1 };

/**
 * `folder` takes the place of the life's own; `agents` is how many write, each after a look at what the others wrote; `records` is how many
 * there are from the beginning; `keepsBatches` says that a restart leaves the batches of the log what they are.
 */
export const kinds = {
  "a folder": () => ({}),
  "a folder with a small cache": () => ({ cacheSize: 3 }),
  "a folder in group mode": () => ({ writeMode: "group", ...few }),
  "a folder in async mode with a small cache": () => ({ writeMode: "async", ...few, cacheSize: 2 }),
  "a folder that syncs": () => ({ durability: "always" }),
  "a folder that checkpoints at close": () => ({ checkpointOnClose: true }),
  "an agent": () => ({ agents: 1 }),
  "two agents": () => ({ agents: 2 }),
  "a folder of many records": () => ({ records: MANY }),
  "three agents with many records": () => ({ records: MANY, agents: 3 }),
  ":memory: with many records": () => ({ records: MANY, folder: ":memory:" }),
  ":memory:": () => ({ folder: ":memory:" }),
  "a backend": () => {
    const bucket = memoryBucket();
    return { keepsBatches: true, backend: () => memoryBackend(bucket, { turn: null }) };
  },
  "a backend of two agents": () => {
    const bucket = memoryBucket();
    const backend = () => memoryBackend(bucket, { turn: null, conditional: true });
    return { agents: 2, keepsBatches: true, backend };
  },
  "a subclass of FsBackend": () => ({ backend: () => new Subclass() }),
};

/** Declared indexes, of which each opening takes some; the unique one always, if there is one. */
export const indexes = { n: {}, list: {}, "in.x": {}, "n,in.x": {}, "list,n": {} };
