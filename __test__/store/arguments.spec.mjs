/** What callers hand to methods: wrong types and values are refused with a code, and nothing is changed. */
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import test from "ava";
import * as opslog from "../../index.mjs";
import { contents, readManifest, temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const { FsBackend, LamportClock, Store } = opslog;
const SNAPSHOT = "snapshots/snap-1.jsonl";
const readOnly = { readOnly: true };

const type = { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: TypeError };
const range = { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: RangeError };

const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();
const noStrings = [
  undefined,
  null,
  5,
  true,
  {},
  [],
  Symbol("x"),
  () => {},
  Buffer.from("x"),
  new Date(),
  revoked,
];
const noFunctions = [undefined, null, "fn", 5, {}, Promise.resolve()];
const noObjects = ["x", 5, true, [], () => {}];
/** What has no JSON text. */
const cycle = {};
cycle.cycle = cycle;
const noTexts = [{ n: 1n }, { n: Array.from({ length: 20_000 }).reduce((inner) => [inner], []) }, cycle];
const noSignals = [{}, "signal", 5, true, new AbortController()];

/** Where a folder is given, and `f` is what it should not be. */
const folders = {
  "open()": (f) => new Store().open(f, readOnly),
  "open() with an FsBackend": (f) => new Store().open(f, { ...readOnly, backend: new FsBackend() }),
  "open() with a subclass of FsBackend": (f) =>
    new Store().open(f, { ...readOnly, backend: new (class extends FsBackend {})() }),
  "verify()": (f) => Store.verify(f),
  "repair()": (f) => Store.repair(f),
  "backup()": (f, { store }) => store.backup(f),
  "acquireLock()": (f) => opslog.acquireLock(f),
  "releaseLock()": (f) => opslog.releaseLock(f, { close() {} }),
  "streamSnapshotFile()": (f) => opslog.streamSnapshotFile(f, SNAPSHOT).next(),
  "FsBackend.initialize()": (f) => new FsBackend().initialize(f, readOnly),
};
const wrongFolders = [
  ...noStrings,
  new URL("http://localhost/store"),
  new URL("file:///store%00x"),
  new URL("file:///a%2Fb"),
  "",
  "a\0b",
  pathToFileURL(join(tmpdir(), "no-such-store")).href,
  "FILE:///no-such-store",
];

/** Calls with one wrong argument: the values that it must not have, with the kind of error where it is no TypeError. */
const calls = {
  "new Store()": [["./folder", undefined, {}], (value) => new Store(value)],
  "new FsBackend()": [["./folder", undefined, {}], (value) => new FsBackend(value)],
  "open(), its options": [noObjects, (value) => new Store().open(join(tmpdir(), "no-such-store"), value)],
  "verify(), its options": [noObjects, (value, { folder }) => Store.verify(folder, value)],
  "repair(), its options": [noObjects, (value, { folder }) => Store.repair(folder, value)],
  "filter()": [noFunctions, (value, { store }) => store.filter(value)],
  "filter() of an empty store": [noFunctions, (value, { empty }) => empty.filter(value)],
  "count()": [["fn", 5, {}, true], (value, { store }) => store.count(value)],
  "batch()": [noFunctions, (value, { store }) => store.batch(value)],
  "archive(), its predicate": [noFunctions, (value, { store }) => store.archive(value)],
  "archive(), its predicate, of an empty store": [noFunctions, (value, { empty }) => empty.archive(value)],
  "archive(), its segment": [
    [5, true, {}, [], Buffer.from("x")],
    (value, { store }) => store.archive(() => false, value),
  ],
  "archive(), its segment's name": [
    ["", "../x", ".x", "a/b"],
    (value, { store }) => store.archive(() => false, value),
    range,
  ],
  "archive(), its options": [noObjects, (value, { store }) => store.archive(() => false, "s", value)],
  "loadArchive()": [noStrings, (value, { store }) => store.loadArchive(value)],
  "loadArchive(), its name": [["", "\0"], (value, { store }) => store.loadArchive(value), range],
  "compact(), its options": [noObjects, (value, { store }) => store.compact(value)],
  "backup(), its options": [noObjects, (value, { store, folder }) => store.backup(`${folder}-copy`, value)],
  "backup(), its signal": [
    noSignals,
    (signal, { store, folder }) => store.backup(`${folder}-copy`, { signal }),
  ],
  "backup(), sealedLogs": [
    ["yes", 1, {}],
    (sealedLogs, { store, folder }) => store.backup(`${folder}-copy`, { sealedLogs }),
  ],
  "getOps()": [[5, true, {}, new Date(), Symbol("x")], (value, { store }) => store.getOps(value)],
  "getWalOps()": [[5, true, {}, new Date()], (value, { store }) => store.getWalOps(value).next()],
  "getWalOps(), its options": [noObjects, (value, { store }) => store.getWalOps("", value).next()],
  "getWalOps(), its signal": [noSignals, (signal, { store }) => store.getWalOps("", { signal }).next()],
  "streamSnapshot(), its options": [noObjects, (value, { store }) => store.streamSnapshot(value).next()],
  "streamSnapshot(), its signal": [noSignals, (signal, { store }) => store.streamSnapshot({ signal }).next()],
  "watch()": [noFunctions, (value, { store }) => store.watch(value)],
  "watch(), its interval": [["5", {}, true], (value, { store }) => store.watch(() => {}, value)],
  "find(), its sort": [["x", 5, true, ...noTexts], (sort, { store }) => store.find({}, { sort })],
  "find(), its fields": [["x", 5, true, ...noTexts], (fields, { store }) => store.find({}, { fields })],
  "findIds(), its sort": [noTexts, (sort, { store }) => store.findIds({}, { sort })],
  "set(), its id": [[...noStrings, ""], (value, { store }) => store.set(value, {})],
  onProgress: [["fn", 5, {}], (onProgress, { store }) => store.compact({ onProgress })],
  "streamSnapshotFile(), its path": [
    noStrings,
    (value, { folder }) => opslog.streamSnapshotFile(folder, value).next(),
  ],
  "streamSnapshotFile(), its options": [
    noObjects,
    (value, { folder }) => opslog.streamSnapshotFile(folder, SNAPSHOT, value).next(),
  ],
  "streamSnapshotFile(), its signal": [
    noSignals,
    (signal, { folder }) => opslog.streamSnapshotFile(folder, SNAPSHOT, { signal }).next(),
  ],
  "releaseLock(), its handle": [
    [undefined, null, 5, {}],
    (value, { folder }) => opslog.releaseLock(folder, value),
  ],
  "new LamportClock()": [["5", null, {}, 5n], (value) => new LamportClock(value)],
  "new LamportClock(), its number": [[NaN, Infinity], (value) => new LamportClock(value), range],
  "LamportClock.merge()": [["5", undefined, null, 5n], (value) => new LamportClock().merge(value)],
  "LamportClock.merge(), its number": [[NaN, Infinity], (value) => new LamportClock().merge(value), range],
  "createDelta(), the old record": [[undefined, "x", 5], (value) => opslog.createDelta(value, {})],
  "createDelta(), the new record": [[undefined, null, "x", 5], (value) => opslog.createDelta({}, value)],
  "applyDelta(), the record": [[undefined, null, "x", 5], (value) => opslog.applyDelta(value, {})],
  "applyDelta(), the patch": [
    [undefined, null, "x", 5, { $set: "x" }, { $unset: "x" }, { $unset: {} }],
    (value) => opslog.applyDelta({}, value),
  ],
  "isDeltaSmaller()": [[undefined, "x", 5], (value) => opslog.isDeltaSmaller(value, {})],
  "isDeltaSmaller(), the record": [[undefined, "x", 5], (value) => opslog.isDeltaSmaller({}, value)],
  "FsBackend.initialize(), its options": [
    [undefined, null, "x", 5],
    (value, { folder }) => new FsBackend().initialize(folder, value),
  ],
  "FsBackend.writeManifest()": [
    [undefined, null, "{}", 5, []],
    (value, { backend }) => backend.writeManifest(value),
  ],
  "FsBackend.writeSnapshot()": [
    [undefined, null, "x", 5, {}],
    (value, { backend }) => backend.writeSnapshot(value, 1),
  ],
  "FsBackend.writeSnapshot(), its version": [
    [undefined, null, "1", {}],
    (value, { backend }) => backend.writeSnapshot(new Map(), value),
  ],
  "FsBackend.writeSnapshot(), the version's number": [
    [0, -1, 1.5, NaN, 2 ** 31],
    (value, { backend }) => backend.writeSnapshot(new Map(), value),
    range,
  ],
  "FsBackend.appendOps()": [
    [undefined, null, "x", {}, [undefined], ["x"], [null]],
    (value, { backend }) => backend.appendOps("ops/ops-1.jsonl", value),
  ],
  "FsBackend.writeArchiveSegment()": [
    [undefined, null, "x", 5, {}],
    (value, { backend }) => backend.writeArchiveSegment("period", value),
  ],
  "FsBackend.releaseLock()": [[undefined, null, 5, {}], (value, { backend }) => backend.releaseLock(value)],
  "FsBackend.releaseCompactionLock()": [
    [undefined, null, 5, {}],
    (value, { backend }) => backend.releaseCompactionLock(value),
  ],
  "FsBackend.writeBlob(), its content": [
    [undefined, null, 5, true, {}],
    (value, { backend }) => backend.writeBlob("blob", value),
  ],
  "FsBackend.readBlobRange(), its offset": [
    [undefined, null, "0", {}],
    (value, { backend }) => backend.readBlobRange("manifest.json.copy", value, 1),
  ],
  "FsBackend.readBlobRange(), its length": [
    [undefined, null, "0", {}],
    (value, { backend }) => backend.readBlobRange("manifest.json.copy", 0, value),
  ],
  "FsBackend.readBlobRange(), its numbers": [
    [NaN, 0.5, Infinity],
    (value, { backend }) => backend.readBlobRange("manifest.json.copy", value, 1),
    range,
  ],
};
for (const method of ["readOps", "loadSnapshot", "truncateLastOp", "loadArchiveSegment"]) {
  calls[`FsBackend.${method}()`] = [noStrings, (value, { backend }) => backend[method](value)];
}
for (const method of ["writeBlob", "readBlob", "listBlobs", "deleteBlob", "deleteBlobDir"]) {
  calls[`FsBackend.${method}(), its path`] = [noStrings, (value, { backend }) => backend[method](value, "x")];
}
calls["FsBackend.createAgentOpsFile()"] = [
  noStrings,
  (value, { backend }) => backend.createAgentOpsFile(value),
];

/** What is called, whether it throws or rejects. */
const called = async (call, ...args) => call(...args);

const shown = (value) => (typeof value === "symbol" || typeof value === "bigint" ? String(value) : value);

async function prepared(t) {
  const folder = await temporaryFolder(t);
  const [store, empty] = [new Store(), new Store()];
  await store.open(folder, { checkpointOnClose: false });
  await empty.open(await temporaryFolder(t), { checkpointOnClose: false });
  t.teardown(() => Promise.all([store.close(), empty.close()]));
  await store.set("a", { n: 1 });
  await store.archive(() => true, "first");
  await store.set("b", { n: 1 });
  const backend = new FsBackend();
  await backend.initialize(folder, { readOnly: false });
  return { folder, store, empty, backend };
}

async function assertRefused(t, call, value, expected, about, subjects) {
  const message = `${about} ${value === revoked ? "a revoked proxy" : String(shown(value))}`;
  const error = await t.throwsAsync(called(call, value, subjects), expected, message);
  t.false(/undefined is not|not iterable|Cannot read/.test(error?.message), error?.message);
}

for (const [about, call] of Object.entries(folders)) {
  test(`${about} takes no folder that is none, and writes nothing`, async (t) => {
    const subjects = await prepared(t);
    const before = await contents(subjects.folder);
    const work = await readdir(".");
    for (const value of wrongFolders) await assertRefused(t, call, value, type, about, subjects);
    t.deepEqual(await contents(subjects.folder), before);
    t.deepEqual(await readdir("."), work);
  });
}

for (const [about, [values, call, expected = type]] of Object.entries(calls)) {
  test(`${about} of a wrong ${expected === type ? "type" : "value"} is refused with a code, and changes nothing`, async (t) => {
    const subjects = await prepared(t);
    const before = await contents(subjects.folder);
    for (const value of values) await assertRefused(t, call, value, expected, about, subjects);
    t.deepEqual(await contents(subjects.folder), before);
    t.deepEqual(subjects.store.entries(), [["b", { n: 1 }]]);
  });
}

test("a state that refuses a call says so first", async (t) => {
  const { store, folder } = await prepared(t);
  await store.close();
  t.throws(() => store.filter(5), { code: "OPSLOG_NOT_OPEN" });
  t.throws(() => store.getOps(new Date()), { code: "OPSLOG_NOT_OPEN" });
  t.throws(() => store.watch(5), { code: "OPSLOG_NOT_OPEN" });
  await t.throwsAsync(store.batch(5), { code: "OPSLOG_NOT_OPEN" });
  await t.throwsAsync(store.archive(5), { code: "OPSLOG_NOT_OPEN" });
  await store.open(folder, readOnly);
  await t.throwsAsync(store.batch(5), { code: "OPSLOG_READ_ONLY" });
  await t.throwsAsync(store.archive(5), { code: "OPSLOG_READ_ONLY" });
  await t.throwsAsync(store.compact(5), { code: "OPSLOG_READ_ONLY" });
});

everywhere("getOps() with a Date, says what to give instead", async (t) => {
  const { store } = await prepared(t);
  t.throws(() => store.getOps(new Date()), { message: /got Date: give its toISOString\(\)$/ });
});

test("getOps() and getWalOps() with what is falsy give all operations, as in 0.8.1", async (t) => {
  const { store } = await prepared(t);
  for (const since of [undefined, null, "", 0, false]) {
    t.is(store.getOps(since).length, 1);
    const operations = [];
    for await (const operation of store.getWalOps(since, null)) operations.push(operation);
    t.is(operations.length, 1);
  }
});

test("new Store() of a subclass may have arguments of its own", async (t) => {
  class Notes extends Store {}
  class Files extends FsBackend {}
  t.notThrows(() => new Notes("notes"));
  t.notThrows(() => new Files({ prefix: "x" }));
});

test("every place that takes a folder takes a file: URL object, also one of another realm", async (t) => {
  // Windows has no "?" in names.
  const name = process.platform === "win32" ? "a b%20ü#" : "a b%20ü#?";
  const folder = join(await temporaryFolder(t), name);
  const real = pathToFileURL(folder);
  for (const url of [real, { href: real.href, protocol: "file:" }]) {
    const store = new Store();
    await store.open(url);
    await store.set("a", { n: 1 });
    await store.backup(pathToFileURL(`${folder}-${url === real}`));
    await store.close();
    t.true((await Store.verify(url)).ok);
    t.true((await Store.repair(url)).after.ok);
    const lock = await opslog.acquireLock(url);
    await opslog.releaseLock(url, lock);
    const { currentSnapshot } = await readManifest(folder);
    t.deepEqual((await opslog.streamSnapshotFile(url, currentSnapshot).next()).value, ["a", { n: 1 }]);
    const backend = new FsBackend();
    await backend.initialize(url, readOnly);
    t.is((await backend.readManifest()).currentSnapshot, currentSnapshot);
    for (const backend of [new FsBackend(), new (class extends FsBackend {})()]) {
      await store.open(url, { ...readOnly, backend });
      t.is(store.count(), 1);
      await store.close();
    }
  }
  t.deepEqual((await readdir(join(folder, ".."))).sort(), [name, `${name}-false`, `${name}-true`]);
});

test("open() with a backend that is no FsBackend, hands a folder over as it is, a URL object as a string", async (t) => {
  const given = [];
  class Elsewhere {
    async initialize(dir) {
      given.push(dir);
      throw new Error("seen");
    }
    async shutdown() {}
    async readManifest() {}
    async loadSnapshot() {}
    async readOps() {}
    async loadArchiveSegment() {}
  }
  const dirs = ["", undefined, "s3://bucket/x", new URL("s3://bucket/x"), pathToFileURL("/a b")];
  const asPath = fileURLToPath(dirs.at(-1));
  for (const dir of dirs) {
    const backend = new Elsewhere();
    await t.throwsAsync(new Store().open(dir, { ...readOnly, backend }), { message: "seen" });
  }
  t.deepEqual(given, ["", undefined, "s3://bucket/x", "s3://bucket/x", asPath]);
});

test("OPSLOG_NO_STORE names the folder", async (t) => {
  const folder = await temporaryFolder(t);
  const backend = new (class extends FsBackend {})();
  const expected = { code: "OPSLOG_NO_STORE" };
  for (const options of [readOnly, { ...readOnly, backend }]) {
    const error = await t.throwsAsync(new Store().open(folder, options), expected);
    t.is(error.path, folder);
  }
  for (const call of [Store.verify, Store.repair]) {
    const error = await t.throwsAsync(call(folder));
    t.is(error.path, folder);
  }
});

test("a revoked Proxy, in whichever argument, is refused with a code of the library", async (t) => {
  const { acquireLock, releaseLock, streamSnapshotFile } = opslog;
  const { validateArchiveSegment, validateManifest, validateOp, validateSnapshot } = opslog;
  const { proxy: revokedFunction, revoke } = Proxy.revocable(() => {}, {});
  revoke();
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("a", { n: 1 });
  const fs = new FsBackend();
  await fs.initialize(await temporaryFolder(t), {});
  const other = () => new Store();
  const to = `${folder}-other`;
  const calls = {
    open: [(x) => other().open(x), (x) => other().open(to, x)],
    "open() with": ["backend", "retain", "indexes", "migrate", "agentId", "replacer", "onProgress"].map(
      (name) => (x) => other().open(to, { [name]: x }),
    ),
    "open() with an index": [(x) => other().open(to, { indexes: { n: x } })],
    set: [(x) => store.set(x, { n: 1 }), (x) => store.set("b", x), (x) => store.set("b", { n: x })],
    delete: [(x) => store.delete(x)],
    insert: [(x) => store.insert("b", x)],
    update: [(x) => store.update("a", x), (x) => store.update("a", () => x)],
    patch: [(x) => store.patch("a", x), (x) => store.patch("a", { n: x })],
    compareAndSet: [(x) => store.compareAndSet("a", store.get("a"), x)],
    batch: [(x) => store.batch(x), (x) => store.batch(() => store.set("b", x))],
    transaction: [(x) => store.transaction(x), (x) => store.transaction(() => x)],
    getMany: [(x) => store.getMany(x)],
    find: [
      (x) => store.find(x),
      (x) => store.find({ n: x }),
      (x) => store.find({ n: { $in: x } }),
      (x) => store.find({ $and: [x] }),
      (x) => store.find({}, x),
      (x) => store.find({}, { sort: x }),
      (x) => store.find({}, { fields: x }),
      (x) => store.find({}, { signal: x }),
    ],
    scan: [(x) => store.scan(x).next(), (x) => store.scan({ prefix: x }).next()],
    filter: [(x) => store.filter(x)],
    archive: [(x) => store.archive(x), (x) => store.archive(() => x), (x) => store.archive(() => false, x)],
    loadArchive: [(x) => store.loadArchive(x)],
    at: [(x) => store.at(x)],
    revert: [(x) => store.revert(x), (x) => store.revert({ to: x }), (x) => store.revert({ to: 0, ids: x })],
    changes: ["after", "since", "until", "id", "limit", "signal"].map(
      (name) => (x) => store.changes({ [name]: x }).next(),
    ),
    "changes of": [(x) => store.changes(x).next()],
    on: [(x) => store.on(x, () => {}), (x) => store.on("change", x)],
    watch: [(x) => store.watch(x)],
    getWalOps: [(x) => store.getWalOps(x).next(), (x) => store.getWalOps(undefined, x).next()],
    getOps: [(x) => store.getOps(x)],
    streamSnapshot: [(x) => store.streamSnapshot(x).next()],
    prune: [(x) => store.prune(x), (x) => store.prune({ before: x })],
    undo: [(x) => store.undo(x)],
    compact: [(x) => store.compact(x)],
    backup: [(x) => store.backup(x), (x) => store.backup(to, x)],
    verify: [(x) => Store.verify(x), (x) => Store.verify(folder, x)],
    repair: [(x) => Store.repair(x), (x) => Store.repair(to, x)],
    recover: [
      (x) => Store.recover(x, to),
      (x) => Store.recover(folder, x),
      (x) => Store.recover(folder, to, x),
    ],
    locks: [
      (x) => acquireLock(x),
      (x) => acquireLock(to, x),
      (x) => releaseLock(x),
      (x) => releaseLock(to, x),
    ],
    streamSnapshotFile: [
      (x) => streamSnapshotFile(x, "a").next(),
      (x) => streamSnapshotFile(folder, x).next(),
    ],
    validate: [validateOp, validateManifest, validateSnapshot, validateArchiveSegment],
    FsBackend: [
      (x) => fs.initialize(to, x),
      (x) => fs.writeManifest(x),
      (x) => fs.writeSnapshot(x, 1),
      (x) => fs.appendOps("ops/a.jsonl", x),
      (x) => fs.writeBlob("a", x),
      (x) => fs.releaseLock(x),
    ],
  };
  for (const [name, ways] of Object.entries(calls)) {
    for (const [place, way] of ways.entries()) {
      const attempt = async () => way(revoked);
      const error = await t.throwsAsync(attempt, undefined, `${name} ${place}`);
      t.regex(
        String(error.code),
        /^OPSLOG_(INVALID_ARGUMENT|INVALID_VALUE|NOT_FOUND|CORRUPT)$/,
        `${name} ${place}`,
      );
    }
  }
  for (const call of [store.batch, store.transaction, store.filter, store.count, store.archive])
    await t.throwsAsync(async () => call.call(store, revokedFunction), { code: "OPSLOG_INVALID_ARGUMENT" });
  t.deepEqual([...store], [["a", { n: 1 }]]);
  await store.close();
});
