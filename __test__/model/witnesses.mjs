/**
 * For each entry of differences.mjs a few calls in which 0.8.1 and ours part: what both show. So no entry
 * can be there for nothing, and what the model test leaves out is still asserted.
 */
import { setTimeout as delay } from "node:timers/promises";
import { readStoredManifest, readStoredOperations } from "../helpers/stored-state.mjs";

const keep = { checkpointOnClose: false };
const group = { ...keep, writeMode: "group", groupCommitMs: 5 };
const long = "x".repeat(60);

async function opened(Store, folder, options) {
  const store = new Store();
  await store.open(folder, options);
  return store;
}

/** What `look` sees in a store that is opened again. */
async function later(Store, folder, look, options = keep) {
  const store = await opened(Store, folder, options);
  const seen = await look(store);
  await store.close();
  return seen;
}

const keys = (store) => store.entries().map(([id]) => id);

async function accepts(call) {
  try {
    await call();
    return "accepted";
  } catch {
    return "refused";
  }
}

/** Opens with `options`, lets `act` change something, closes, and looks after a restart. */
const afterRestart = (options, act, look) => async (Store, folder) => {
  const store = await opened(Store, folder, options);
  await act(store);
  await store.close();
  return later(Store, folder, look);
};

/** Opens with `options` and looks at once. */
const atOnce = (options, look) => async (Store, folder) => {
  const store = await opened(Store, folder, options);
  const seen = await look(store, folder, Store);
  await store.close();
  return seen;
};

export const witnesses = [
  {
    difference: "a call is visible at once",
    original: false,
    ours: true,
    show: atOnce(keep, async (store) => {
      const done = store.set("a", {});
      const seen = store.has("a");
      await done;
      return seen;
    }),
  },
  {
    difference: "set or delete beside a pending batch never reaches the log",
    original: ["in"],
    ours: ["in", "beside"],
    show: afterRestart(
      keep,
      async (store) => {
        const batch = store.batch(() => store.set("in", {}));
        for (let n = 0; n < 4; n += 1) await null;
        const beside = store.set("beside", {});
        await Promise.all([batch, beside]);
      },
      keys,
    ),
  },
  {
    difference: "batch overtakes buffered operations",
    original: ["second", "first"],
    ours: ["first", "second"],
    show: afterRestart(
      group,
      async (store) => {
        await store.set("first", {});
        await store.batch(() => store.set("second", {}));
      },
      keys,
    ),
  },
  {
    difference: "undo of a buffered operation cuts another",
    original: ["second"],
    ours: ["first"],
    show: afterRestart(
      group,
      async (store) => {
        await store.set("first", {});
        await store.flush();
        await store.set("second", {});
        await store.undo();
      },
      keys,
    ),
  },
  {
    difference: "close, flush and sync forget calls that were not awaited",
    original: 0,
    ours: 1,
    show: atOnce(group, async (store, folder) => {
      const done = store.set("a", {});
      await store.flush();
      const written = readStoredOperations(folder, readStoredManifest(folder).activeOps).length;
      await done;
      return written;
    }),
  },
  {
    difference: "order after a rolled-back batch",
    original: ["b", "a"],
    ours: ["a", "b"],
    show: atOnce(keep, async (store) => {
      await store.set("a", {});
      await store.set("b", {});
      const batch = store.batch(() => {
        store.delete("a");
        throw new Error("rolled back");
      });
      await batch.catch(() => {});
      return keys(store);
    }),
  },
  {
    difference: "order after an undone deletion",
    original: ["b", "a"],
    ours: ["a", "b"],
    show: atOnce(keep, async (store) => {
      await store.set("a", {});
      await store.set("b", {});
      await store.delete("a");
      await store.undo();
      return keys(store);
    }),
  },
  {
    difference: "undo moves restored fields to the end",
    original: ["pad", "n"],
    ours: ["n", "pad"],
    show: atOnce(keep, async (store) => {
      await store.set("a", { n: 1, pad: long });
      await store.set("a", { pad: long });
      await store.undo();
      return Object.keys(store.get("a"));
    }),
  },
  {
    difference: "undo counts characters",
    original: ["a"],
    ours: ["a", "b"],
    show: afterRestart(
      keep,
      async (store) => {
        for (const id of ["a", "b", "c"]) await store.set(id, { text: "é".repeat(10) });
        await store.undo();
      },
      keys,
    ),
  },
  {
    difference: "manifest shows the state before the checkpoint",
    original: 0,
    ours: 1,
    show: atOnce(keep, async (store) => {
      await store.set("a", {});
      await store.compact();
      return store.getManifest().stats.activeRecords;
    }),
  },
  {
    difference: "archived records counted twice",
    original: 2,
    ours: 1,
    show: atOnce(keep, async (store, folder) => {
      for (let n = 0; n < 2; n += 1) {
        await store.set("a", { n });
        await store.archive(() => true, "segment");
      }
      return readStoredManifest(folder).stats.archivedRecords;
    }),
  },
  {
    difference: "a reader is lost after a checkpoint or an undo",
    original: [],
    ours: ["a"],
    show: atOnce(keep, async (store, folder, Store) => {
      const reader = await opened(Store, folder, { readOnly: true });
      // 0.8.1 names files by the millisecond: within the same one the log would keep its name.
      await delay(5);
      await store.compact();
      await store.set("a", {});
      await reader.tail();
      const seen = keys(reader);
      await reader.close();
      return seen;
    }),
  },
  {
    difference: "migration skips the log",
    original: 1,
    ours: 2,
    show: async (Store, folder) => {
      const store = await opened(Store, folder, keep);
      await store.set("a", { n: 1 });
      await store.close();
      const migrate = () => ({ n: 2 });
      return later(Store, folder, (newer) => newer.get("a").n, { ...keep, version: 2, migrate });
    },
  },
  {
    difference: "a Store that was closed carries its past",
    original: 1,
    ours: 0,
    show: async (Store, folder) => {
      const store = await opened(Store, folder, keep);
      await store.close();
      await store.open(folder);
      await store.set("a", {});
      await store.close();
      return later(Store, folder, (newer) => newer.getOps().length);
    },
  },
  {
    difference: "skipLoad makes checkpoints",
    original: ["b"],
    ours: ["a", "b"],
    show: async (Store, folder) => {
      await later(Store, folder, (store) => store.set("a", {}));
      await later(Store, folder, (store) => store.set("b", {}), { skipLoad: true, checkpointThreshold: 1 });
      return later(Store, folder, keys);
    },
  },
  {
    difference: "undo of an update made under skipLoad",
    original: undefined,
    ours: { n: 1 },
    show: async (Store, folder) => {
      await later(Store, folder, (store) => store.set("a", { n: 1 }));
      await later(Store, folder, (store) => store.set("a", { n: 2 }), { skipLoad: true });
      return later(Store, folder, async (store) => {
        await store.undo();
        return store.get("a");
      });
    },
  },
  {
    difference: "async mode never makes checkpoints",
    original: 3,
    ours: 1,
    show: atOnce({ ...group, writeMode: "async", checkpointThreshold: 2 }, async (store) => {
      for (const id of ["a", "b", "c"]) await store.set(id, {});
      await store.flush();
      return store.stats().opsCount;
    }),
  },
  {
    difference: "options given as undefined",
    original: 100,
    ours: 0,
    show: atOnce({ ...keep, checkpointThreshold: undefined }, async (store) => {
      await store.batch(() => {
        for (let n = 0; n < 100; n += 1) store.set(`id-${n}`, {});
      });
      return store.stats().opsCount;
    }),
  },
  {
    difference: "values that are no objects",
    original: [1],
    ours: [2],
    show: afterRestart(
      keep,
      async (store) => {
        await store.set("a", [1]);
        await store.set("a", [2]);
      },
      (store) => store.get("a"),
    ),
  },
  {
    difference: "values that JSON cannot hold",
    original: "accepted",
    ours: "refused",
    show: atOnce(keep, (store) => accepts(() => store.set("a", undefined))),
  },
  {
    difference: "values read differently before and after a restart",
    original: "object",
    ours: "string",
    show: atOnce(keep, async (store) => {
      await store.set("a", { at: new Date(0) });
      return typeof store.get("a").at;
    }),
  },
  {
    difference: "fields with inherited names",
    original: true,
    ours: false,
    show: atOnce(keep, async (store) => {
      await store.set("a", { n: 1, pad: long });
      await store.set("a", { n: 2, pad: long, valueOf: 1 });
      await store.undo();
      return Object.hasOwn(store.get("a"), "valueOf");
    }),
  },
  {
    difference: "the empty id",
    original: "accepted",
    ours: "refused",
    show: atOnce(keep, (store) => accepts(() => store.set("", {}))),
  },
  {
    difference: "the message of a held lock",
    original: "If this is stale, delete <lock>",
    ours: "It is this very process: another Store in it has the folder open. Close that one first, or open this one with readOnly.",
    show: atOnce(keep, async (_, folder, Store) => {
      const { message } = await new Store().open(folder).then(
        () => ({}),
        (error) => error,
      );
      return message.replace(/^Store is locked by process \d+\. /, "").replace(`${folder}/.lock`, "<lock>");
    }),
  },
];

/** Entries that a few calls can't show, and why. */
export const withoutWitness = new Map([
  ["tail and refresh of the writer double operations", "in 0.8.1 a race between two threads"],
  ["a call beside a pending tail or refresh doubles operations", "in 0.8.1 a race between two threads"],
  ["streamSnapshot breaks lines at U+2028", "in 0.8.1 it depends on the version of Node"],
  ["fields that only ours writes", "0.8.1 writes none"],
  ["a crash during an automatic checkpoint", "a matter of time; ours may be as quick"],
  ["names of files", "nothing that anyone may rely on"],
  ["automatic checkpoints publish in the background", "a matter of time; ours may be as quick"],
  ["the time of an automatic checkpoint", "a matter of time; ours may be as quick"],
]);
