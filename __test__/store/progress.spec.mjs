/** onProgress of open(), compact(), archive(), verify() and repair(). */
import { spawnSync } from "node:child_process";
import diagnostics from "node:diagnostics_channel";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import progress from "../../lib/arguments/progress.js";
import { activeWal, contents, temporaryFolder, writeFolderByHand } from "../helpers/store-folder.mjs";

const { Meter, watched } = progress;

const root = fileURLToPath(new URL("../..", import.meta.url));
const RECORDS = 30_000;

async function filled(t, options = {}) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, {
    checkpointThreshold: Infinity,
    checkpointOnClose: false,
    writeMode: "async",
    groupCommitSize: 1000,
    ...options,
  });
  t.teardown(() => store.close().catch(() => {}));
  for (let n = 0; n < RECORDS; n++) store.set(`id-${n}`, { n, text: "x".repeat(100) });
  await store.flush();
  return { store, folder };
}

/** What was told, checked for what holds of every telling. */
function assertTold(t, told, phase, unit) {
  t.true(told.length > 0);
  for (const [index, { done, total, ...rest }] of told.entries()) {
    t.true(Number.isInteger(done) && done >= 0 && done <= total);
    const before = told[index - 1];
    if (before?.phase === rest.phase && before.total === total) t.true(before.done <= done);
  }
  const { done, total, ...last } = told.at(-1);
  t.deepEqual(last, { phase, unit });
  t.is(done, total);
  return total;
}

test("compact() with onProgress, tells how many records are written, all of them at the end", async (t) => {
  const { store } = await filled(t);
  const told = [];
  await store.compact({ onProgress: (progress) => told.push(progress) });
  t.is(assertTold(t, told, "write-snapshot", "records"), RECORDS);
});

test("archive() with onProgress, tells of the archive or of the snapshot behind it", async (t) => {
  const { store } = await filled(t);
  const told = [];
  const onProgress = (progress) => told.push(progress);
  t.is(await store.archive(({ n }) => n % 3 === 0, undefined, { onProgress }), RECORDS / 3);
  t.is(assertTold(t, told, "write-snapshot", "records"), (RECORDS / 3) * 2);
});

test("open() with onProgress, tells how much is read for want of an index", async (t) => {
  const { store, folder } = await filled(t);
  await store.compact();
  await store.close();
  await rm(join(folder, "index"), { recursive: true });
  const [log] = (await readdir(join(folder, "ops"))).slice(-1);
  await rm(join(folder, "ops", log));
  const told = [];
  const other = new Store();
  await other.open(folder, { readOnly: true, onProgress: (progress) => told.push(progress) });
  t.true(assertTold(t, told, "read-snapshot", "bytes") > RECORDS * 100);
  await other.close();
});

test("open() of a long log with onProgress, tells how much of it is replayed", async (t) => {
  const { store, folder } = await filled(t);
  await store.close();
  const told = [];
  const other = new Store();
  await other.open(folder, { readOnly: true, onProgress: (progress) => told.push(progress) });
  t.true(assertTold(t, told, "read-log", "bytes") > RECORDS * 100);
  await other.close();
});

/** A folder as the oldest versions left it: the snapshot is one JSON document. */
async function legacyFolder(t) {
  const folder = await temporaryFolder(t);
  const record = (n) => [`id-${n}`, { n, text: "x".repeat(100) }];
  const records = Object.fromEntries(Array.from({ length: RECORDS }, (_, n) => record(n)));
  const timestamp = "2024-01-01T00:00:00.000Z";
  const stats = { archivedRecords: 0, opsCount: 0, created: timestamp, lastCheckpoint: timestamp };
  const snapshot = JSON.stringify({ version: 1, timestamp, records });
  const manifest = { stats: { ...stats, activeRecords: RECORDS } };
  await writeFolderByHand(folder, { snapshot, snapshotName: "snap-1000.json", wal: "", manifest });
  return { folder, bytes: snapshot.length };
}

test("open() of a legacy snapshot with onProgress, tells how much is read", async (t) => {
  const { folder, bytes } = await legacyFolder(t);
  // NOTE: a log that is there is told of last, also an empty one.
  await rm(await activeWal(folder));
  const told = [];
  const store = new Store();
  await store.open(folder, { readOnly: true, onProgress: (progress) => told.push(progress) });
  t.is(assertTold(t, told, "read-snapshot", "bytes"), bytes);
  await store.close();
});

test("open() that migrates a legacy snapshot with onProgress, tells of the migration while it goes on", async (t) => {
  const { folder } = await legacyFolder(t);
  const sleeping = new Int32Array(new SharedArrayBuffer(4));
  const migrate = (record) => {
    if (record.n % 250 === 0) Atomics.wait(sleeping, 0, 0, 5);
    return { ...record, migrated: true };
  };
  const told = [];
  const store = new Store();
  await store.open(folder, { version: 2, migrate, onProgress: (progress) => told.push(progress) });
  t.is(assertTold(t, told, "write-snapshot", "records"), RECORDS);
  const migrating = told.filter(({ phase }) => phase === "migrate");
  t.true(migrating.length > 1);
  for (const { total, unit } of migrating) t.deepEqual({ total, unit }, { total: RECORDS, unit: "records" });
  t.true(migrating.some(({ done }) => done > 0 && done < RECORDS));
  t.true(store.get("id-7").migrated);
  await store.close();
});

test("an agent's compact() and archive() with onProgress, tell of the snapshot", async (t) => {
  const { store } = await filled(t, { agentId: "one" });
  const told = [];
  const onProgress = (progress) => told.push(progress);
  await store.compact({ onProgress });
  t.is(assertTold(t, told, "write-snapshot", "records"), RECORDS);
  told.length = 0;
  await store.archive(({ n }) => n < 10, "few", { onProgress });
  t.is(assertTold(t, told, "write-snapshot", "records"), RECORDS - 10);
});

test("a store with a backend, tells of open(), compact() and archive()", async (t) => {
  class Backend extends FsBackend {}
  const folder = await temporaryFolder(t);
  const told = [];
  const onProgress = (progress) => told.push(progress);
  const store = new Store();
  await store.open(folder, { backend: new Backend() });
  for (const id of ["a", "b", "c"]) await store.set(id, { n: 1 });
  await store.compact({ onProgress });
  t.is(assertTold(t, told, "write-snapshot", "records"), 3);
  told.length = 0;
  await store.archive((_, id) => id === "a", "one", { onProgress });
  t.is(assertTold(t, told, "write-snapshot", "records"), 2);
  await store.close();
  told.length = 0;
  await store.open(folder, { backend: new Backend(), onProgress });
  t.is(assertTold(t, told, "read-snapshot", "records"), 2);
  await store.close();
});

test("verify() and repair() with onProgress, tell of the bytes of all files", async (t) => {
  const { store, folder } = await filled(t);
  await store.close();
  for (const method of ["verify", "repair"]) {
    const told = [];
    await Store[method](folder, { onProgress: (progress) => told.push(progress) });
    t.true(assertTold(t, told, "verify", "bytes") > RECORDS * 100);
  }
});

for (const [what, onProgress] of [
  [
    "throws",
    () => {
      throw new Error("no progress, please");
    },
  ],
  ["returns a promise that rejects", async () => Promise.reject(new Error("no progress, please"))],
]) {
  test(`compact(), onProgress ${what}, goes on, tells a channel and does not call it again`, async (t) => {
    const { store, folder } = await filled(t);
    const heard = [];
    const listen = (message) => message.folder === folder && heard.push(message.error.message);
    diagnostics.subscribe("opslog:progress-failed", listen);
    t.teardown(() => diagnostics.unsubscribe("opslog:progress-failed", listen));
    let calls = 0;
    await store.compact({
      onProgress: () => {
        calls++;
        return onProgress();
      },
    });
    await new Promise(setImmediate);
    t.deepEqual({ calls, heard }, { calls: 1, heard: ["no progress, please"] });
    t.is(store.stats().opsCount, 0);
  });
}

for (const fails of [false, true]) {
  test(`work that goes on after onProgress was called and ${fails ? "failed" : "did not fail"}, ${fails ? "is not told of any more" : "is told of to its end"}`, async (t) => {
    const meter = new Meter();
    const told = [];
    let called;
    const wasCalled = new Promise((resolve) => (called = resolve));
    const onProgress = ({ done }) => {
      told.push(done);
      called();
      if (fails) throw new Error("no progress, please");
    };
    const result = await watched(onProgress, meter, "folder", async () => {
      meter.begin("archive", 2);
      await wasCalled;
      meter.end();
      return "done";
    });
    t.is(result, "done");
    t.deepEqual(told, fails ? [0] : [0, 2]);
  });
}

test("work that fails, is told of no further, and its error comes through", async (t) => {
  const meter = new Meter();
  const told = [];
  const work = async () => {
    meter.begin("archive", 2);
    throw new Error("no room");
  };
  const onProgress = (state) => told.push(state);
  await t.throwsAsync(watched(onProgress, meter, "folder", work), { message: "no room" });
  t.deepEqual(told, []);
});

test("onProgress that is no function, or options that are no object, are refused and nothing is done", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  const refused = { instanceOf: TypeError, code: "OPSLOG_INVALID_ARGUMENT" };
  await t.throwsAsync(store.open(folder, { onProgress: "often" }), {
    ...refused,
    message: /onProgress must be a function/,
  });
  t.deepEqual(await contents(folder), {});
  await store.open(folder, { onProgress: undefined });
  await store.set("a", { n: 1 });
  const { currentSnapshot } = store.getManifest();
  await t.throwsAsync(store.compact({ onProgress: 5 }), refused);
  await t.throwsAsync(store.compact("loud"), { ...refused, message: /options must be an object/ });
  await t.throwsAsync(
    store.archive(() => true, "all", { onProgress: {} }),
    refused,
  );
  await t.throwsAsync(Store.verify(folder, { onProgress: [] }), refused);
  await t.throwsAsync(Store.repair(folder, 5), refused);
  t.is(store.getManifest().currentSnapshot, currentSnapshot);
  t.deepEqual(store.listArchiveSegments(), []);
  await store.compact({ onProgress: null });
  await store.close();
});

test("onProgress, is looked after at most 20 times a second, and without it there is no timer", (t) => {
  const script = `const timers = require("node:timers");
    const { setInterval } = timers;
    const periods = [];
    timers.setInterval = (work, ms) => { periods.push(ms); return setInterval(work, ms); };
    const { Store } = require("@backloghq/opslog");
    const folder = require("node:fs").mkdtempSync(require("node:path").join(require("node:os").tmpdir(), "opslog-"));
    (async () => {
      const store = new Store();
      await store.open(folder);
      await store.set("a", { n: 1 });
      await store.compact();
      await store.archive(() => true);
      await Store.verify(folder);
      const without = periods.length;
      await store.compact({ onProgress() {} });
      await store.close();
      console.log(JSON.stringify({ without, periods }));
      require("node:fs").rmSync(folder, { recursive: true });
    })();`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: root, encoding: "utf8" });
  t.is(stderr, "");
  t.deepEqual(JSON.parse(stdout), { without: 0, periods: [50] });
});
