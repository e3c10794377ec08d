/** Calls that are awaited one after the other, or made many at once, leave the event loop its turns. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import timers from "node:timers";
import test from "ava";
import * as opslog from "../../index.mjs";
import { carriers } from "../helpers/carriers.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";

const { FsBackend, Store } = opslog;

/** How often a timer ran while `work` was awaited. */
async function turnsDuring(work) {
  let turns = 0;
  const interval = setInterval(() => (turns += 1), 0);
  await work();
  clearInterval(interval);
  return turns;
}

test("set(), awaited over and over, lets timers run meanwhile", async (t) => {
  const { store } = await openOurs(t);
  const turns = await turnsDuring(async () => {
    for (let n = 0; n < 5000; n++) await store.set(`id-${n % 10}`, { n });
    for (let n = 0; n < 10; n++) await store.delete(`id-${n}`);
  });
  t.true(turns > 0);
});

test("batch() and undo(), awaited over and over, let timers run meanwhile", async (t) => {
  const { store } = await openOurs(t, { checkpointThreshold: 1e6 });
  const batches = await turnsDuring(async () => {
    for (let n = 0; n < 500; n++) {
      await store.batch(() => {
        for (let m = 0; m < 10; m++) store.set(`id-${m}`, { n });
      });
    }
  });
  t.true(batches > 0);
  const undos = await turnsDuring(async () => {
    for (let n = 0; n < 5000; n++) t.true(await store.undo());
  });
  t.true(undos > 0);
});

/** Calls that are done at once, or whose turn comes without the event loop's help. */
const atOnce = {
  "set() behind a batch()": (store, n) => {
    store.batch(() => {});
    return store.set("id", { n });
  },
  "set() behind a refresh()": (store, n) => {
    store.refresh();
    return store.set("id", { n });
  },
  "delete() behind a flush()": async (store, n) => {
    await Promise.all([store.flush(), store.set(`id-${n}`, { n }), store.delete(`id-${n}`)]);
  },
  "batch() that does nothing": (store) => store.batch(() => {}),
  "undo() of nothing": (store) => store.undo(),
  "archive() of nothing": (store) => store.archive(() => false),
  "flush()": (store) => store.flush(),
  "refresh()": (store) => store.refresh(),
  "tail()": (store) => store.tail(),
};

for (const [title, call] of Object.entries(atOnce)) {
  test(`${title}, awaited over and over, lets timers run meanwhile`, async (t) => {
    const { store } = await openOurs(t, { checkpointThreshold: 1e6 });
    const turns = await turnsDuring(async () => {
      for (let n = 0; n < 2000; n++) await call(store, n);
    });
    t.true(turns > 0);
  });
}

test("set(), many at once, awaited over and over, lets timers run meanwhile", async (t) => {
  const { store } = await openOurs(t, { checkpointThreshold: 1e6 });
  const turns = await turnsDuring(async () => {
    for (let n = 0; n < 400; n++) {
      await Promise.all(Array.from({ length: 50 }, (_, m) => store.set(`id-${m}`, { n })));
    }
  });
  t.true(turns > 0);
});

/** How many turns the event loop had while `work` was awaited. */
async function loopTurnsDuring(work) {
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await work();
  isOver = true;
  return turns;
}

/** A folder that takes no more appends: every write fails at once. */
async function openUnwritable(t) {
  const { store, folder } = await openOurs(t, { checkpointOnClose: false });
  await store.set("stored", { n: 1 });
  await store.compact();
  await store.set("logged", { n: 1 });
  await rename(join(folder, "ops"), join(folder, "elsewhere"));
  await writeFile(join(folder, "ops"), "no folder");
  await t.throwsAsync(store.set("refused", { n: 1 }));
  return store;
}

const open = async (t, options) => (await openOurs(t, { checkpointThreshold: 1e6, ...options })).store;
const closed = async (t) => {
  const store = await open(t);
  await store.close();
  return store;
};
const fails = () => {
  throw new Error("on purpose");
};
const files = async (t) => {
  const backend = new FsBackend();
  await backend.initialize(await temporaryFolder(t), { readOnly: false });
  return backend;
};
const aborted = { signal: AbortSignal.abort() };

/** Calls that reject at once: what they are made on, and how. */
const refused = {
  "set() on a disk that takes nothing": [openUnwritable, (store) => store.set("id", { n: 1 })],
  "delete() on a disk that takes nothing": [openUnwritable, (store) => store.delete("logged")],
  "batch() on a disk that takes nothing": [
    openUnwritable,
    (store) => store.batch(() => store.set("id", { n: 1 })),
  ],
  "set(), many at once, on a disk that takes nothing": [
    openUnwritable,
    (store) => Promise.all([store.set("id", { n: 1 }), store.set("id", { n: 2 })]),
  ],
  "set() of what cannot be stored": [open, (store) => store.set("id", undefined)],
  "set() of a bad id": [open, (store) => store.set("", { n: 1 })],
  "set() behind a batch()": [
    open,
    (store) => {
      store.batch(() => {});
      return store.delete("missing");
    },
  ],
  "delete() of a missing id": [open, (store) => store.delete("missing")],
  "delete() of no id": [open, (store) => store.delete(5)],
  "batch() whose function throws": [open, (store) => store.batch(fails)],
  "batch() without a function": [open, (store) => store.batch()],
  "batch() of a reader": [reader, (store) => store.batch(() => {})],
  "batch() on a closed store": [closed, (store) => store.batch(() => {})],
  "undo() of a reader": [reader, (store) => store.undo()],
  "undo() on a closed store": [closed, (store) => store.undo()],
  "compact() under skipLoad": [(t) => open(t, { skipLoad: true }), (store) => store.compact()],
  "compact() on a closed store": [closed, (store) => store.compact()],
  "backup() without a folder": [open, (store) => store.backup("")],
  "backup() on a closed store": [closed, (store) => store.backup("copy")],
  "archive() whose predicate throws": [filled, (store) => store.archive(fails)],
  "archive() to a bad segment": [filled, (store) => store.archive(() => true, "../outside")],
  "archive() on a closed store": [closed, (store) => store.archive(fails)],
  "loadArchive() of a missing segment": [open, (store) => store.loadArchive("missing")],
  "loadArchive() on a closed store": [closed, (store) => store.loadArchive("missing")],
  "streamSnapshot() on a closed store": [closed, (store) => store.streamSnapshot().next()],
  "streamSnapshot() that was aborted": [open, (store) => store.streamSnapshot(aborted).next()],
  "getWalOps() on a closed store": [closed, (store) => store.getWalOps().next()],
  "getWalOps() that was aborted": [open, (store) => store.getWalOps(undefined, aborted).next()],
  "refresh() on a closed store": [closed, (store) => store.refresh()],
  "tail() on a closed store": [closed, (store) => store.tail()],
  "open() of an open store": [open, (store) => store.open("elsewhere")],
  "open() with a wrong option": [closed, (store) => store.open("elsewhere", { version: "1" })],
  "open() of many stores with a wrong option": [
    closed,
    () => new Store().open("elsewhere", { version: "1" }),
  ],
  "close() on a closed store": [closed, (store) => store.close()],
  "verify() of no folder": [closed, () => Store.verify(undefined)],
  "repair() of no folder": [closed, () => Store.repair(undefined)],
  "acquireLock() of no folder": [closed, () => opslog.acquireLock(undefined)],
  "releaseLock() of no handle": [closed, () => opslog.releaseLock("folder", undefined)],
  "streamSnapshotFile() of no file": [closed, () => opslog.streamSnapshotFile("folder", undefined).next()],
  "streamSnapshotFile() that was aborted": [
    closed,
    () => opslog.streamSnapshotFile("folder", "file", aborted).next(),
  ],
  "FsBackend.appendOps() outside of the folder": [files, (backend) => backend.appendOps("../outside", [])],
  "FsBackend.readOps() outside of the folder": [files, (backend) => backend.readOps("../outside")],
  "FsBackend.loadSnapshot() outside of the folder": [files, (backend) => backend.loadSnapshot("../outside")],
  "FsBackend.truncateLastOp() outside of the folder": [
    files,
    (backend) => backend.truncateLastOp("../outside"),
  ],
  "FsBackend.createAgentOpsFile() of a bad agentId": [files, (backend) => backend.createAgentOpsFile("a/b")],
  "FsBackend.writeArchiveSegment() of a bad period": [
    files,
    (backend) => backend.writeArchiveSegment("a/b", new Map()),
  ],
  "FsBackend.readBlob() outside of the folder": [files, (backend) => backend.readBlob("../outside")],
  "FsBackend.writeBlob() outside of the folder": [files, (backend) => backend.writeBlob("../outside", "")],
  "FsBackend.deleteBlob() outside of the folder": [files, (backend) => backend.deleteBlob("../outside")],
};

async function reader(t) {
  const { folder } = await openOurs(t);
  return open(t, { folder, readOnly: true });
}

async function filled(t) {
  const store = await open(t);
  await store.set("id", { n: 1 });
  return store;
}

/** As `t.throwsAsync()`, which does not take an AbortError. */
async function assertRejects(t, promise) {
  let isRefused = false;
  await promise.catch(() => (isRefused = true));
  t.true(isRefused);
}

for (const [title, [prepare, call]] of Object.entries(refused)) {
  test(`${title}, which rejects, awaited over and over, leaves the event loop its turns`, async (t) => {
    const subject = await prepare(t);
    await assertRejects(t, call(subject));
    const turns = await loopTurnsDuring(async () => {
      for (let n = 0; n < 1000; n++) await call(subject).catch(() => {});
    });
    t.true(turns >= 3, `${turns}`);
  });
}

/** Calls that resolve at once, through backends whose methods do so too. */
const resolved = {
  "set()": (store, n) => store.set("id", { n }),
  "delete()": async (store, n) => {
    await store.set(`id-${n}`, { n });
    await store.delete(`id-${n}`);
  },
  "batch()": (store, n) => store.batch(() => store.set("id", { n })),
  "undo()": (store) => store.undo(),
  "archive() of nothing": (store) => store.archive(() => false),
  "loadArchive()": (store) => store.loadArchive("2026-Q1"),
  "streamSnapshot()": (store) => store.streamSnapshot().next(),
  "getWalOps()": (store) => store.getWalOps().next(),
  "flush()": (store) => store.flush(),
  "sync()": (store) => store.sync(),
  "refresh()": (store) => store.refresh(),
  "tail()": (store) => store.tail(),
  "Symbol.asyncDispose of another store": () => new Store()[Symbol.asyncDispose](),
  "flush() of a closed store": () => new Store().flush(),
};

for (const carrier of ["a folder", "a backend", "a backend in group mode", "a backend with agents"]) {
  for (const [title, call] of Object.entries(resolved)) {
    test(`${title} of ${carrier}, awaited over and over, leaves the event loop its turns`, async (t) => {
      const store = await open(t, carriers({ FsBackend })[carrier]);
      await store.set("archived", { n: 1 });
      await store.archive((_value, id) => id === "archived", "2026-Q1");
      await store.set("stored", { n: 1 });
      await store.compact();
      await store.set("logged", { n: 1 });
      const turns = await loopTurnsDuring(async () => {
        for (let n = 0; n < 1200; n++) await call(store, n);
      });
      t.true(turns >= 2, `${turns}`);
    });
  }
}

test("streamSnapshot() and getWalOps() of a backend, read to their ends, leave the event loop its turns", async (t) => {
  const store = await open(t, carriers({ FsBackend })["a backend"]);
  await store.batch(() => {
    for (let n = 0; n < 5000; n++) store.set(`id-${n}`, { n });
  });
  await store.compact();
  await store.batch(() => {
    for (let n = 0; n < 5000; n++) store.set(`id-${n}`, { n });
  });
  for (const begin of [() => store.streamSnapshot(), () => store.getWalOps()]) {
    let count = 0;
    const turns = await loopTurnsDuring(async () => {
      for await (const _each of begin()) count++;
    });
    t.is(count, 5000);
    t.true(turns >= 8, `${turns}`);
  }
});

const many = {
  "batch()": (store, n) => store.batch(() => store.set("id", { n })),
  "batch() whose function throws": (store) => store.batch(fails),
  "undo()": (store) => store.undo(),
  "flush()": (store) => store.flush(),
  "tail()": (store) => store.tail(),
  "set()": (store, n) => store.set("id", { n }),
  "delete() of a missing id": (store) => store.delete("missing"),
};

for (const carrier of ["a folder", "a folder in group mode", "a backend", "a backend with agents"]) {
  for (const [title, call] of Object.entries(many)) {
    test(`${title} of ${carrier}, called many times behind a batch(), leaves the event loop its turns`, async (t) => {
      const store = await open(t, carriers({ FsBackend })[carrier]);
      const turns = await loopTurnsDuring(async () => {
        store.batch(() => {});
        await Promise.allSettled(Array.from({ length: 4000 }, (_, n) => call(store, n)));
      });
      t.true(turns >= 6, `${turns}`);
    });
  }
}

test("batch(), called 100,000 times without waiting, leaves the event loop its turns and keeps its order", async (t) => {
  const store = await open(t);
  const order = [];
  const turns = await loopTurnsDuring(() =>
    Promise.all(
      Array.from({ length: 100_000 }, (_, n) =>
        store.batch(() => {
          order.push(n);
          store.set("id", { n });
        }),
      ),
    ),
  );
  t.true(turns >= 150, `${turns}`);
  t.true(order.every((n, index) => n === index));
  t.is(order.length, 100_000);
  t.deepEqual(store.get("id"), { n: 99_999 });
});

test("tail() of a reader that waits for a write in a loop, ends when the write comes", async (t) => {
  const { store, folder } = await openOurs(t);
  const reader = await openOurs(t, { folder, readOnly: true });
  await reader.store.tail();
  setTimeout(() => store.set("late", { n: 1 }), 5);
  let seen = [];
  for (let look = 0; seen.length === 0 && look < 1e6; look++) seen = await reader.store.tail();
  t.deepEqual(
    seen.map(({ id }) => id),
    ["late"],
  );
});

test("set(), thousands at once, resolve in the order of the calls", async (t) => {
  for (const writeMode of ["immediate", "group"]) {
    const { store } = await openOurs(t, { checkpointThreshold: 1e6, writeMode });
    const order = [];
    // The first of them is written alone, at the call; it is the one that a turn is due behind.
    for (let n = 0; n < 511; n++) await store.set("id", { n });
    const count = 3000;
    const calls = Array.from({ length: count }, (_, n) => store.set("id", { n }).then(() => order.push(n)));
    await Promise.all(calls);
    t.deepEqual(
      order,
      Array.from({ length: count }, (_, n) => n),
    );
  }
});

test.serial("set(), timers are faked, resolves all the same", async (t) => {
  const { store } = await openOurs(t);
  const real = [globalThis.setImmediate, timers.setImmediate];
  globalThis.setImmediate = timers.setImmediate = () => {};
  try {
    for (let n = 0; n < 2000; n++) await store.set("id", { n });
  } finally {
    [globalThis.setImmediate, timers.setImmediate] = real;
  }
  t.is(store.get("id").n, 1999);
});
