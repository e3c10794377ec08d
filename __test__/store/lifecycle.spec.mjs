import { execFile } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readdirSync, readlinkSync } from "node:fs";
import { readdir, rm, truncate, unlink, writeFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { calls } from "../helpers/store-calls.mjs";
import { activeWal, readManifest, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";
import { until } from "../helpers/until.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const run = promisify(execFile);
const entry = fileURLToPath(new URL("../../index.js", import.meta.url));
const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };

/** The files below a folder that this process has open, as Linux tells. */
function openFiles(folder) {
  const opened = [];
  for (const descriptor of readdirSync("/proc/self/fd")) {
    try {
      opened.push(readlinkSync(`/proc/self/fd/${descriptor}`));
    } catch {
      // It was closed meanwhile.
    }
  }
  return opened.filter((name) => name.startsWith(folder));
}

async function opened(t, options = manual, folder = undefined) {
  folder ??= await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, options);
  t.teardown(() => store.close().catch(() => {}));
  return { folder, store };
}

test("getManifest() and streamSnapshot(), after a checkpoint that the threshold started, show it", async (t) => {
  const { folder, store } = await opened(t, { checkpointThreshold: 5, checkpointOnClose: false });
  const first = store.getManifest();
  for (let n = 0; n < 5; n++) await store.set(`id-${n}`, { n });
  await until(async () => (await readManifest(folder)).currentSnapshot !== first.currentSnapshot);
  await until(() => store.getManifest().currentSnapshot !== first.currentSnapshot);
  const streamed = [];
  for await (const [id] of store.streamSnapshot()) streamed.push(id);
  t.is(streamed.length, 5);
});

everywhere(
  "tail() and refresh() that were called behind close() reject as not open, and flush() resolves",
  async (t) => {
    const { store } = await opened(t);
    const closing = store.close();
    const flushed = store.flush();
    await t.throwsAsync(store.tail(), { code: "OPSLOG_NOT_OPEN" });
    await t.throwsAsync(store.refresh(), { code: "OPSLOG_NOT_OPEN" });
    await flushed;
    await closing;
  },
);

test("watch() that was called behind close(), does not keep the process alive", async (t) => {
  const folder = await temporaryFolder(t);
  const program = `
    const { Store } = require(process.argv[1]);
    (async () => {
      const store = new Store();
      await store.open(process.argv[2]);
      const closed = store.close();
      store.watch(() => {}, 1);
      await closed;
      console.log("closed");
    })();`;
  const { stdout } = await run(process.execPath, ["-e", program, entry, folder], { timeout: 30_000 });
  t.is(stdout, "closed\n");
});

everywhere("a value whose toJSON() closes the store is refused and never written", async (t) => {
  const { folder, store } = await opened(t);
  let closing;
  const value = {
    toJSON() {
      closing = store.close();
      return { n: 1 };
    },
  };
  await t.throwsAsync(store.set("late", value), { code: "OPSLOG_NOT_OPEN" });
  await closing;
  t.deepEqual(await storedEntries(Store, folder), []);
});

test("operations, after an automatic checkpoint that failed, still count and can be undone", async (t) => {
  const { folder, store } = await opened(t, { checkpointThreshold: 3, checkpointOnClose: false });
  const snapshots = join(folder, "snapshots");
  await rm(snapshots, { recursive: true });
  await writeFile(snapshots, "");
  let isReported = false;
  const report = (message) => (isReported ||= message.folder === folder);
  subscribe("opslog:checkpoint-failed", report);
  t.teardown(() => unsubscribe("opslog:checkpoint-failed", report));
  for (let n = 0; n < 3; n++) await store.set(`id-${n}`, { n });
  await until(() => isReported);
  t.is(store.stats().opsCount, 3);
  await store.set("next", { n: 3 });
  t.is(store.stats().opsCount, 4);
  t.is(store.getOps().length, 4);
  t.true(await store.undo());
  t.true(await store.undo());
  t.deepEqual(
    store.entries().map(([id]) => id),
    ["id-0", "id-1"],
  );
  await rm(snapshots);
  await mkdir(snapshots);
});

test("a deleted log is created again, also while a test has replaced setImmediate()", async (t) => {
  const { folder, store } = await opened(t);
  const original = globalThis.setImmediate;
  globalThis.setImmediate = () => 0;
  try {
    await store.set("a", { n: 1 });
    await delay(5);
    await unlink(await activeWal(folder));
    await store.set("b", { n: 2 });
  } finally {
    globalThis.setImmediate = original;
  }
  await store.close();
  t.is((await storedEntries(Store, folder)).length, 2);
});

test("a log that another hand cut refuses writes, is not filled with zeros, and what it lacks has a code", async (t) => {
  const { folder, store } = await opened(t);
  for (let n = 0; n < 3; n++) await store.set(`id-${n}`, { n });
  await truncate(await activeWal(folder), 0);
  await delay(5);
  await t.throwsAsync(store.set("late", {}), { code: "OPSLOG_FAILED" });
  await t.throwsAsync(store.undo(), { code: "OPSLOG_FAILED" });
  t.throws(() => store.get("id-1"), { code: "OPSLOG_IO" });
  t.throws(() => store.all(), { code: "OPSLOG_IO" });
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), []);
});

const linux = process.platform === "linux" ? test.serial : test.skip;
linux("close() closes the files at once, not when the garbage is collected", async (t) => {
  const folder = await temporaryFolder(t);
  const program = `
    const { readdirSync } = require("node:fs");
    const { Store } = require(process.argv[1]);
    (async () => {
      const store = new Store();
      const counts = [];
      for (let n = 0; n < 20; n++) {
        await store.open(process.argv[2], { checkpointOnClose: n % 2 === 0 });
        await store.set("a", { n });
        await store.close();
        counts.push(readdirSync("/proc/self/fd").length);
      }
      console.log(JSON.stringify(counts));
    })();`;
  const { stdout } = await run(process.execPath, ["-e", program, entry, folder]);
  const counts = JSON.parse(stdout);
  t.is(counts.at(-1), counts[1]);
});

for (const [title, options] of Object.entries({
  "a folder": {},
  "a folder of agents": { agentId: "one" },
  "a reader": { readOnly: true },
})) {
  linux(
    `close() of ${title}, any call was made before, closes its files at once, not when the garbage is collected`,
    async (t) => {
      for (const [name, call] of Object.entries(calls)) {
        const folder = await temporaryFolder(t);
        const { agentId } = options;
        const writer = await opened(t, { ...manual, agentId }, folder);
        await writer.store.set("stored", { n: 1 });
        await writer.store.compact();
        await writer.store.set("logged", { n: 2 });
        await writer.store.close();
        const { store } = await opened(t, { ...manual, ...options }, folder);
        const called = async () => call(store);
        // What a reader refuses may leave files open too.
        await called().catch(() => {});
        await store.close();
        t.deepEqual(openFiles(folder), [], name);
      }
    },
  );
}

for (const [title, options] of Object.entries({
  "a writer": {},
  "an agent": { agentId: "one" },
  "a reader": { readOnly: true },
})) {
  linux(`close() of ${title} with an index and an order of ids closes their files at once`, async (t) => {
    const { agentId } = options;
    const indexed = { ...manual, indexes: { n: {} } };
    const writer = await opened(t, { ...indexed, agentId });
    await writer.store.batch(() => {
      for (let n = 0; n < 6000; n++) writer.store.set(`id-${n}`, { n, text: "x".repeat(200) });
    });
    await writer.store.compact();
    await writer.store.close();
    for (let round = 0; round < 2; round++) {
      const { store } = await opened(
        t,
        { ...indexed, ...options, ...(round === 0 && { readOnly: false }) },
        writer.folder,
      );
      const scanned = [];
      for await (const [id] of store.scan({ prefix: "id-12" })) scanned.push(id);
      t.is(scanned.length, 111);
      await store.whenIndexed();
      t.is((await store.find({ n: 7 })).length, 1);
      t.true(openFiles(writer.folder).some((name) => name.endsWith(".tree")));
      await store.close();
      t.deepEqual(openFiles(writer.folder), []);
    }
  });
}

linux(
  "the iterators of keys(), values() and scan(), left before their end, and queries of views, let go of their files",
  async (t) => {
    const { folder, store } = await opened(t);
    for (let n = 0; n < 100; n++) await store.set(`id-${n}`, { n });
    await store.compact();
    await store.set("logged", { n: 1 });
    for (const iterable of [store.keys(), store.values()]) for (const each of iterable) if (each) break;
    const view = await store.at(new Date());
    for (const iterable of [view.keys(), view.values(), view]) for (const each of iterable) if (each) break;
    const scans = [store.scan(), view.scan(), store.scan({ prefix: "id-1" }), view.scan({ prefix: "id-1" })];
    for (const scan of scans) for await (const each of scan) if (each) break;
    t.is((await view.find({ n: 1 })).length, 2);
    t.is(await view.countWhere({ n: { $gt: 1 } }), 98);
    view.close();
    await store.close();
    t.deepEqual(openFiles(folder), []);
  },
);

linux(
  "compact() of agents, their own and each other's, lets go of the logs that it has sealed",
  async (t) => {
    const folder = await temporaryFolder(t);
    const options = { checkpointThreshold: Infinity, checkpointOnClose: false };
    const agents = [new Store(), new Store()];
    for (const [n, store] of agents.entries())
      await store.open(folder, { ...options, agentId: `agent-${n}` });
    const logs = join(folder, "ops");
    const counts = [];
    for (let n = 0; n < 20; n++) {
      for (const store of agents) await store.set(`id-${n % 3}`, { n });
      await agents[n % 2].compact();
      for (const store of agents) await store.tail();
      counts.push(openFiles(logs).length);
    }
    t.true(counts.at(-1) <= counts[5], counts.join());
    for (const store of agents) await store.close();
  },
);

for (const writeMode of ["group", "async"]) {
  test(`process.exit() with operations in the buffer of ${writeMode} mode loses none`, async (t) => {
    const folder = await temporaryFolder(t);
    const program = `
      const { Store } = require(process.argv[1]);
      (async () => {
        const store = new Store();
        await store.open(process.argv[2], { writeMode: "${writeMode}", groupCommitMs: 60000 });
        await store.set("a", { n: 1 });
        await store.set("b", { n: 2 });
        process.exit(0);
      })();`;
    await run(process.execPath, ["-e", program, entry, folder]);
    t.is((await storedEntries(Store, folder)).length, 2);
  });
}

test("a worker thread that is terminated loses none of its buffer and gives the lock up", async (t) => {
  const folder = await temporaryFolder(t);
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Store } = require(workerData.entry);
    (async () => {
      const store = new Store();
      await store.open(workerData.folder, { writeMode: "group", groupCommitMs: 60000 });
      await store.set("a", { n: 1 });
      parentPort.postMessage("written");
    })();`;
  const worker = new Worker(program, { eval: true, workerData: { entry, folder } });
  await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  await worker.terminate();
  t.is((await storedEntries(Store, folder)).length, 1);
  t.false((await readdir(folder)).includes(".lock"));
});

test("a record nested a thousand deep and more can be updated and undone", async (t) => {
  const { folder, store } = await opened(t);
  for (const depth of [1000, 3000]) {
    let deep = 1;
    for (let level = 0; level < depth; level++) deep = { deep };
    await store.set("deep", { deep, version: 1 });
    await store.set("deep", { deep, version: 2 });
    await store.set("deep", { deep, version: 3 });
    t.true(await store.undo());
    t.is(store.get("deep").version, 2);
  }
  await store.close();
  const [[, record]] = await storedEntries(Store, folder);
  t.is(record.version, 2);
});

everywhere("delete() of what can be no id rejects, whatever it is", async (t) => {
  const { store } = await opened(t);
  const hostile = {
    toString() {
      throw new Error("never called");
    },
  };
  for (const id of [hostile, Object.create(null), Symbol("id"), null, undefined, 5]) {
    await t.throwsAsync(store.delete(id), { code: "OPSLOG_NOT_FOUND" });
  }
});

/** A backend whose paths say nothing of folders or extensions, as those of an object store. */
class PrefixingBackend extends FsBackend {
  async writeArchiveSegment(period, records) {
    await super.writeArchiveSegment(period, records);
    return `bucket/archive-${period}`;
  }

  async loadArchiveSegment(path) {
    return super.loadArchiveSegment(path.replace("bucket/", "archive/").concat(".json"));
  }
}

test("loadArchive() of a bare period takes the segment of that name before one that contains it", async (t) => {
  const { store } = await opened(t, { backend: new PrefixingBackend() });
  await store.set("first", { n: 1 });
  await store.archive(() => true, "2024-Q1");
  await store.set("second", { n: 2 });
  await store.archive(() => true, "2024");
  t.deepEqual([...(await store.loadArchive("2024")).keys()], ["second"]);
  t.deepEqual([...(await store.loadArchive("bucket/archive-2024-Q1")).keys()], ["first"]);
});
