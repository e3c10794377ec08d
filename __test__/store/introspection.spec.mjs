import { basename, dirname } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { startStoreProcess } from "../helpers/processes.mjs";
import { readManifest, reopened, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";
import { until } from "../helpers/until.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };

async function collect(generator) {
  const items = [];
  for await (const item of generator) items.push(item);
  return items;
}

test("getManifest(), streamSnapshot() and getWalOps() after a checkpoint show what it left", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  await store.set("a", { n: 1 });
  await store.compact();
  await store.set("b", { n: 2 });
  const manifest = await readManifest(folder);
  t.is(store.getManifest().currentSnapshot, manifest.currentSnapshot);
  t.is(store.getManifest().activeOps, manifest.activeOps);
  t.is(store.getManifest().stats.activeRecords, 1);
  t.deepEqual(await collect(store.streamSnapshot()), [["a", { n: 1 }]]);
  t.deepEqual(
    (await collect(store.getWalOps())).map((operation) => operation.id),
    ["b"],
  );
  await store.close();
  t.is(store.getManifest(), null);
});

test("streamSnapshot(), the backend has its own snapshots, asks the backend", async (t) => {
  class MarkingBackend extends FsBackend {
    async loadSnapshot(path) {
      const { records, version } = await super.loadSnapshot(path);
      for (const [id, record] of records) records.set(id, { ...record, marked: true });
      return { records, version };
    }
  }
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set("a", { n: 1 }), { checkpointOnClose: true });
  await reopened(
    Store,
    folder,
    async (store) => t.deepEqual(await collect(store.streamSnapshot()), [["a", { n: 1, marked: true }]]),
    { backend: new MarkingBackend() },
  );
});

test("streamSnapshot(), records hold line separators of every kind, yields them whole", async (t) => {
  const folder = await temporaryFolder(t);
  const record = { text: "a\u2028b\u2029c\u0085d\r\ne\vf" };
  const store = new Store();
  await store.open(folder, manual);
  await store.set("id \u2028 with", record);
  await store.compact();
  t.deepEqual(await collect(store.streamSnapshot()), [["id \u2028 with", record]]);
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [["id \u2028 with", record]]);
});

test("archive() twice of one id into one segment, counts the record once", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  for (const n of [1, 2]) {
    await store.set("a", { n });
    t.is(await store.archive(() => true, "2024-Q1"), 1);
  }
  t.deepEqual([...(await store.loadArchive("2024-Q1"))], [["a", { n: 2 }]]);
  t.is((await readManifest(folder)).stats.archivedRecords, 1);
  t.is(store.getManifest().stats.archivedRecords, 1);
  await store.close();
});

test("archive(), the predicate returns a promise or another thenable, rejects and moves nothing", async (t) => {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.teardown(() => process.off("unhandledRejection", note));
  const folder = await temporaryFolder(t);
  for (const [place, options] of [
    [folder, manual],
    [":memory:", {}],
    [await temporaryFolder(t), { agentId: "one" }],
  ]) {
    const store = new Store();
    await store.open(place, options);
    await store.set("a", { n: 1 });
    await store.set("b", { n: 2 });
    const predicates = {
      async: async () => false,
      "async, it throws": async () => {
        throw new Error("mine");
      },
      "a thenable": () => ({ then: () => {} }),
      "async for the last record": ({ n }) => (n === 2 ? Promise.resolve(false) : true),
    };
    for (const [what, predicate] of Object.entries(predicates)) {
      await t.throwsAsync(
        store.archive(predicate, "2024-Q1"),
        { instanceOf: TypeError, code: "OPSLOG_INVALID_ARGUMENT", message: /archive\(\) .*promise/ },
        what,
      );
      t.deepEqual(store.listArchiveSegments(), [], what);
      t.deepEqual(store.entries(), [
        ["a", { n: 1 }],
        ["b", { n: 2 }],
      ]);
    }
    t.is(await store.archive(({ n }) => n === 2, "2024-Q1"), 1);
    await store.close();
  }
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(unhandled, []);
});

test("set() in async mode, the threshold is crossed, makes a checkpoint", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { writeMode: "async", checkpointThreshold: 10, checkpointOnClose: false });
  const { currentSnapshot } = await readManifest(folder);
  for (let n = 0; n < 25; n++) await store.set(`id-${n}`, { n });
  t.true(store.stats().opsCount < 25);
  await until(async () => (await readManifest(folder)).currentSnapshot !== currentSnapshot);
  await store.close();
  t.is((await storedEntries(Store, folder)).length, 25);
});

test("open() of a relative folder, the process changes its directory later, stays where it was opened", async (t) => {
  const folder = await temporaryFolder(t);
  const elsewhere = await temporaryFolder(t);
  const child = await startStoreProcess(t);
  await child.call("chdir", dirname(folder));
  await child.call("open", basename(folder), manual);
  await child.call("set", "a", { n: 1 });
  await child.call("chdir", elsewhere);
  await child.call("set", "b", { n: 2 });
  await child.call("compact");
  await child.call("batchSet", [["c", { n: 3 }]]);
  await child.call("close");
  t.deepEqual(
    (await storedEntries(Store, folder)).map(([id]) => id),
    ["a", "b", "c"],
  );
});

test("open() of two folders with one FsBackend, both are written, keeps them apart", async (t) => {
  const folders = [await temporaryFolder(t), await temporaryFolder(t)];
  const backend = new FsBackend();
  const stores = [new Store(), new Store()];
  for (const n of [0, 1]) await stores[n].open(folders[n], { backend });
  for (const n of [0, 1]) await stores[n].set(`of-${n}`, { n });
  await stores[0].compact();
  await stores[1].batch(() => stores[1].set("batched", { n: 1 }));
  for (const n of [0, 1]) await stores[n].close();
  t.deepEqual(await storedEntries(Store, folders[0]), [["of-0", { n: 0 }]]);
  t.deepEqual(await storedEntries(Store, folders[1]), [
    ["of-1", { n: 1 }],
    ["batched", { n: 1 }],
  ]);
});

test("open() of a second folder by the same Store, after close(), starts with that folder alone", async (t) => {
  const [first, second] = [await temporaryFolder(t), await temporaryFolder(t)];
  const store = new Store();
  await store.open(first, { ...manual, version: 3, writeMode: "group" });
  await store.set("a", { n: 1 });
  await store.archive(() => true, "2024-Q1");
  await store.set("b", { n: 2 });
  await store.close();
  await store.open(second);
  t.deepEqual(store.entries(), []);
  t.deepEqual(store.getOps(), []);
  t.deepEqual(store.listArchiveSegments(), []);
  await store.set("c", { n: 3 });
  await store.close();
  t.is((await readManifest(second)).version, 1);
  t.deepEqual(await storedEntries(Store, second), [["c", { n: 3 }]]);
});
