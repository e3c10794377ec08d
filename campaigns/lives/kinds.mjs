/** Where a life takes place: options of `open()` by the name of the kind. */
import { FsBackend } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../../__test__/helpers/memory-backend.mjs";

class Subclass extends FsBackend {}

const few = { groupCommitSize: 5, groupCommitMs: 1 };

/** `folder` takes the place of the life's own; `agents` is how many write, each after a look at what the others wrote. */
export const kinds = {
  "a folder": () => ({}),
  "a folder with a small cache": () => ({ cacheSize: 3 }),
  "a folder in group mode": () => ({ writeMode: "group", ...few }),
  "a folder in async mode with a small cache": () => ({ writeMode: "async", ...few, cacheSize: 2 }),
  "a folder that syncs": () => ({ durability: "always" }),
  "a folder that checkpoints at close": () => ({ checkpointOnClose: true }),
  "an agent": () => ({ agents: 1 }),
  "two agents": () => ({ agents: 2 }),
  ":memory:": () => ({ folder: ":memory:" }),
  "a backend": () => {
    const bucket = memoryBucket();
    return { backend: () => memoryBackend(bucket, { turn: null }) };
  },
  "a subclass of FsBackend": () => ({ backend: () => new Subclass() }),
};

/** Declared indexes, of which each opening takes some; the unique one always, if there is one. */
export const indexes = { n: {}, list: {}, "in.x": {}, "n,in.x": {}, "list,n": {} };
