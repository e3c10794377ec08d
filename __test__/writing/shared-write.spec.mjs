/** Changes that are called one right after the other, without waiting, share a write. */
import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import test from "ava";
import { Store } from "../../index.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { activeWal, storedEntries, temporaryFolder, walOperations } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";

const run = promisify(execFile);
const index = new URL("../../index.mjs", import.meta.url).href;
const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const posix = process.platform === "win32" ? test.skip : test;

function setMany(store, count, prefix = "id") {
  return Array.from({ length: count }, (_, n) => store.set(`${prefix}-${n}`, { n }));
}

/** What a look at the store right behind un-awaited calls must find. */
const looks = {
  "get()": (t, store) => t.deepEqual(store.get("id-9"), { n: 9 }),
  "has()": (t, store) => t.true(store.has("id-9")),
  "count()": (t, store) => t.is(store.count(), 10),
  "count() with a predicate": (t, store) =>
    t.is(
      store.count(({ n }) => n > 4),
      5,
    ),
  "all()": (t, store) => t.is(store.all().length, 10),
  "entries()": (t, store) => t.deepEqual(store.entries().at(-1), ["id-9", { n: 9 }]),
  "filter()": (t, store) =>
    t.deepEqual(
      store.filter(({ n }) => n === 9),
      [{ n: 9 }],
    ),
  "stats()": (t, store) => t.is(store.stats().opsCount, 10),
  "getOps()": (t, store) => t.is(store.getOps().length, 10),
  "getHistory()": (t, store) => t.is(store.getHistory("id-9").length, 1),
};

for (const [title, look] of Object.entries(looks)) {
  test(`${title} right behind un-awaited sets sees them, and their bytes are in the file`, async (t) => {
    const { store, folder } = await openOurs(t, manual);
    const wal = await activeWal(folder);
    const promises = setMany(store, 10);
    look(t, store);
    t.is(readFileSync(wal, "utf8").trimEnd().split("\n").length, 10);
    await Promise.all(promises);
    await store.close();
  });
}

test("un-awaited changes are logged in the order of their calls, and each call has a promise of its own", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const promises = [
    store.set("a", 1),
    store.set("b", 1),
    store.set("a", 2),
    store.delete("b"),
    store.set("b", 2),
    store.delete("a"),
  ];
  t.is(new Set(promises).size, promises.length);
  const settled = [];
  promises.forEach((promise, at) => promise.then(() => settled.push(at)));
  t.deepEqual(await Promise.all(promises), Array(6).fill(undefined));
  t.deepEqual(settled, [0, 1, 2, 3, 4, 5]);
  const logged = (await walOperations(folder)).map(({ op, id, data }) => [op, id, data]);
  t.deepEqual(logged, [
    ["set", "a", 1],
    ["set", "b", 1],
    ["set", "a", 2],
    ["delete", "b", undefined],
    ["set", "b", 2],
    ["delete", "a", undefined],
  ]);
  t.deepEqual(store.entries(), [["b", 2]]);
  await store.close();
});

test("a call among un-awaited ones that is refused rejects alone", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const results = await Promise.allSettled([
    store.set("a", 1),
    store.delete("none"),
    store.set("b", undefined),
    store.set("", 1),
    store.set("c", 3),
  ]);
  const codes = results.map(({ reason }) => reason?.code);
  t.deepEqual(codes, [
    undefined,
    "OPSLOG_NOT_FOUND",
    "OPSLOG_INVALID_VALUE",
    "OPSLOG_INVALID_ARGUMENT",
    undefined,
  ]);
  t.is((await walOperations(folder)).length, 2);
  await store.close();
});

test("a value that is changed behind an un-awaited set is stored as it was at the call", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const value = { n: 1 };
  const promises = [store.set("a", value), store.set("b", value)];
  value.n = 2;
  promises.push(store.set("c", value));
  await Promise.all(promises);
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [
    ["a", { n: 1 }],
    ["b", { n: 1 }],
    ["c", { n: 2 }],
  ]);
});

const behind = {
  "batch()": async (t, store) => {
    const seen = [];
    await store.batch(() => {
      seen.push(store.count());
      store.set("last", 1);
    });
    t.deepEqual(seen, [10]);
    t.is(store.count(), 11);
  },
  "undo()": async (t, store) => {
    t.true(await store.undo());
    t.false(store.has("id-9"));
    t.is(store.count(), 9);
  },
  "compact()": async (t, store) => {
    await store.compact();
    t.is(store.stats().opsCount, 0);
    t.is(store.count(), 10);
  },
  "archive()": async (t, store) => {
    t.is(await store.archive(({ n }) => n < 5, "2026-Q1"), 5);
    t.is(store.count(), 5);
  },
  "flush()": async (t, store) => t.is(await store.flush(), undefined),
  "refresh()": async (t, store) => {
    await store.refresh();
    t.is(store.count(), 10);
  },
  "tail()": async (t, store) => t.deepEqual(await store.tail(), []),
  "getWalOps()": async (t, store) => {
    const ids = [];
    for await (const { id } of store.getWalOps()) ids.push(id);
    t.is(ids.length, 10);
  },
};

for (const [title, call] of Object.entries(behind)) {
  test(`${title} called behind un-awaited sets comes after them`, async (t) => {
    const { store, folder } = await openOurs(t, manual);
    const promises = setMany(store, 10);
    await call(t, store);
    await Promise.all(promises);
    const entries = store.entries();
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), entries);
  });
}

test("close() called behind un-awaited sets writes them; their promises resolve", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const promises = setMany(store, 100);
  const closed = store.close();
  await Promise.all(promises);
  await closed;
  t.is((await storedEntries(Store, folder)).length, 100);
});

test("sets behind a batch that waits take effect behind it, in order", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const promises = [
    ...setMany(store, 3, "before"),
    store.batch(() => store.set("within", 1)),
    ...setMany(store, 3, "behind"),
    store.undo(),
    store.set("last", 1),
  ];
  await Promise.all(promises);
  const ids = (await walOperations(folder)).map(({ id }) => id);
  t.deepEqual(ids, ["before-0", "before-1", "before-2", "within", "behind-0", "behind-1", "last"]);
  await store.close();
});

test("a threshold that un-awaited sets cross makes the checkpoints that awaited ones make", async (t) => {
  const { store } = await openOurs(t, { checkpointOnClose: false, checkpointThreshold: 10 });
  const promises = setMany(store, 25);
  t.is(store.stats().opsCount, 5);
  await Promise.all(promises);
  t.is(store.count(), 25);
  await store.close();
});

test("what un-awaited sets hold is bounded: large values are written while the calls go on", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const wal = await activeWal(folder);
  const text = "x".repeat(100_000);
  const promises = [];
  for (let n = 0; n < 100; n += 1) promises.push(store.set(`id-${n}`, text));
  t.true(statSync(wal).size > 8_000_000);
  await Promise.all(promises);
  t.is(store.count(), 100);
  await store.close();
});

for (const [title, change] of [
  ["deletions", (store, id) => store.delete(id)],
  ["small values in the place of large ones", (store, id) => store.set(id, 1)],
]) {
  test(`what un-awaited calls hold is bounded: ${title} are written while the calls go on`, async (t) => {
    const { store, folder } = await openOurs(t, manual);
    await store.batch(() => {
      for (let n = 0; n < 100; n += 1) store.set(`id-${n}`, "x".repeat(100_000));
    });
    await store.compact();
    const wal = await activeWal(folder);
    const promises = [];
    for (let n = 0; n < 100; n += 1) promises.push(change(store, `id-${n}`));
    // The values before stand in the lines.
    t.true(statSync(wal).size > 8_000_000);
    await Promise.all(promises);
    await store.close();
  });
}

test("a reader finds un-awaited sets once each with tail()", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  await Promise.all(setMany(store, 10));
  t.deepEqual(
    (await reader.tail()).map(({ id }) => id),
    Array.from({ length: 10 }, (_, n) => `id-${n}`),
  );
  t.deepEqual(await reader.tail(), []);
  await reader.close();
  await store.close();
});

test("un-awaited sets of agents are all there, for the others too", async (t) => {
  const folder = await temporaryFolder(t);
  const stores = [new Store(), new Store()];
  for (const [at, store] of stores.entries()) await store.open(folder, { ...manual, agentId: `agent-${at}` });
  await Promise.all(stores.flatMap((store, at) => setMany(store, 50, `agent-${at}`)));
  for (const store of stores) {
    await store.refresh();
    t.is(store.count(), 100);
  }
  for (const store of stores) await store.close();
});

posix("the disk is full at a shared write: its calls reject, and nothing of them is left", async (t) => {
  const folder = await temporaryFolder(t);
  const limit = 64 * 1024;
  const child = await openInProcess(t, folder, manual, { fileSizeLimit: limit / 512 });
  await child.call("set", "earlier", { n: 0 });
  const outcome = await child.call("setTogether", ["a", "b", "c", "d"], { text: "y".repeat(limit / 3) });
  // The first is written at the call and fits; the others share a write that does not.
  t.deepEqual(outcome, [null, "OPSLOG_IO", "OPSLOG_IO", "OPSLOG_IO"]);
  t.is(await child.call("count"), 2);
  for (const id of ["b", "c", "d"]) t.false(await child.call("has", id));
  await child.call("set", "later", { n: 1 });
  await child.kill();
  const log = await readFile(await activeWal(folder), "utf8");
  t.deepEqual(
    log
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).id),
    ["earlier", "a", "later"],
  );
});

const endings = {
  "process.exit()": "process.exit(0)",
  "an uncaught error": 'process.on("uncaughtException", () => process.exit(0)); throw new Error("end")',
};

for (const [title, ending] of Object.entries(endings)) {
  test(`${title} right behind un-awaited sets: they are written`, async (t) => {
    const folder = await temporaryFolder(t);
    const source = `
      const { Store } = await import(${JSON.stringify(index)});
      const store = new Store();
      await store.open(${JSON.stringify(folder)}, ${JSON.stringify(manual)});
      for (let n = 0; n < 50; n += 1) store.set("id-" + n, { n });
      ${ending};
    `;
    await run(process.execPath, ["--input-type=module", "-e", source]);
    t.is((await storedEntries(Store, folder)).length, 50);
  });
}

test("process.exit() within batch(): nothing of the batch is written, what was called before is", async (t) => {
  const folder = await temporaryFolder(t);
  const source = `
    const { Store } = await import(${JSON.stringify(index)});
    const store = new Store();
    await store.open(${JSON.stringify(folder)}, ${JSON.stringify(manual)});
    for (let n = 0; n < 5; n += 1) store.set("id-" + n, { n });
    store.batch(() => {
      store.set("within", 1);
      process.exit(0);
    });
  `;
  await run(process.execPath, ["--input-type=module", "-e", source]);
  t.deepEqual(
    (await storedEntries(Store, folder)).map(([id]) => id),
    ["id-0", "id-1", "id-2", "id-3", "id-4"],
  );
});

test("a worker that is ended right behind un-awaited sets: they are written", async (t) => {
  const folder = await temporaryFolder(t);
  const source = `
    const { workerData } = require("node:worker_threads");
    import(workerData.index).then(async ({ Store }) => {
      const store = new Store();
      await store.open(workerData.folder, workerData.options);
      for (let n = 0; n < 50; n += 1) store.set("id-" + n, { n });
      process.exit(0);
    });
  `;
  const worker = new Worker(source, { eval: true, workerData: { index, folder, options: manual } });
  await new Promise((resolve) => worker.once("exit", resolve));
  // The worker's store still has the lock of this process; the log is what counts.
  t.is((await walOperations(folder)).length, 50);
});

for (const durability of ["always", "interval"]) {
  test(`un-awaited sets with durability ${durability} are in the log when they resolve, in the order of the calls`, async (t) => {
    const { store, folder } = await openOurs(t, { ...manual, durability });
    const wal = await activeWal(folder);
    const order = [];
    const promises = setMany(store, 100).map((promise, n) =>
      promise.then(() => {
        order.push(n);
        return readFileSync(wal, "utf8").includes(`"id-${n}"`);
      }),
    );
    t.deepEqual(new Set(await Promise.all(promises)), new Set([true]));
    t.deepEqual(
      order,
      Array.from({ length: 100 }, (_, n) => n),
    );
    await store.close();
    t.is((await storedEntries(Store, folder)).length, 100);
  });
}

test("a held set with durability always waits for the sync as the one before it does", async (t) => {
  const { store } = await openOurs(t, { ...manual, durability: "always" });
  let settled = 0;
  const promises = setMany(store, 3).map((promise) => promise.then(() => settled++));
  // Microtasks alone bring no sync: that takes another thread, and a turn of the event loop.
  for (let n = 0; n < 100; n += 1) await null;
  t.is(settled, 0);
  await Promise.all(promises);
  t.is(settled, 3);
  await store.close();
});

test("un-awaited calls that are all refused start no checkpoint of what was there before", async (t) => {
  const folder = await temporaryFolder(t);
  const before = new Store();
  await before.open(folder, manual);
  await before.set("a", 1);
  await before.close();
  const { store } = await openOurs(t, { folder, checkpointOnClose: false, checkpointThreshold: 1 });
  const results = await Promise.allSettled([
    store.delete("none"),
    store.delete("none"),
    store.delete("none"),
  ]);
  t.deepEqual(new Set(results.map(({ reason }) => reason.code)), new Set(["OPSLOG_NOT_FOUND"]));
  t.is(store.stats().opsCount, 1);
  await store.close();
});
