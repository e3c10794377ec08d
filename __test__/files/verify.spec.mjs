/** Store.verify(): says which file is damaged, and where, and is content with everything else. */
import { appendFile, readFile, rename, rm, truncate, writeFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { flip, lineStarts, offsetOf } from "../helpers/damage.mjs";
import { original } from "../helpers/original.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import {
  activeWal,
  contents,
  currentSnapshot,
  readManifest,
  temporaryFolder,
  writeManifest,
} from "../helpers/store-folder.mjs";

/** A folder with all kinds of files but an index: three records in the snapshot, four operations, an archive. */
async function folderWithEverything(t, Class = Store, options = {}) {
  const folder = await temporaryFolder(t);
  const store = new Class();
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false, ...options });
  for (const id of ["a", "b", "c", "old"]) await store.set(id, { name: `name of ${id}`, n: 1 });
  await store.archive((_, id) => id === "old", "2020-Q1");
  await store.compact();
  await store.set("a", { name: "name of a", text: "long enough to make a patch pay", n: 2 });
  await store.set("a", { name: "another name of a", text: "long enough to make a patch pay", n: 2 });
  await store.batch(() => {
    store.set("b", { name: "another name of b", n: 2 });
    store.delete("c");
  });
  await store.set("list", [1, 2]);
  await store.close();
  return folder;
}

/** Damaged places as `[path in the folder, offset]`. */
function places(folder, report) {
  return report.damage.map(({ path, offset }) => [path.slice(folder.length + 1), offset]);
}

async function assertWhole(t, folder) {
  const before = await contents(folder);
  const report = await Store.verify(folder);
  t.deepEqual(report.damage, []);
  t.like(report, { ok: true, damageCount: 0 });
  t.deepEqual(await contents(folder), before);
  return report;
}

test("verify() of a folder with all kinds of files, counts what is there and writes nothing", async (t) => {
  const folder = await folderWithEverything(t);
  const report = await assertWhole(t, folder);
  t.like(report, { archivedRecords: 1, records: 3 + 3, indexEntries: 0 });
  t.is(report.operations, 4 + 5);
  t.true(report.bytes > 1000);
});

test("verify() of folders that 0.8.1 wrote, also with agents, finds nothing", async (t) => {
  await assertWhole(t, await folderWithEverything(t, original.Store));
  const shared = await temporaryFolder(t);
  for (const agentId of ["one", "two"]) {
    const store = new original.Store();
    await store.open(shared, { agentId, checkpointOnClose: agentId === "two" });
    for (let n = 0; n < 20; n++) await store.set(`${agentId}-${n}`, { n });
    await store.undo();
    await store.close();
  }
  await assertWhole(t, shared);
});

test("verify() of folders of agents and of a backend, also while they are open, finds nothing", async (t) => {
  const shared = await temporaryFolder(t);
  const stores = [];
  for (const agentId of ["one", "two"]) {
    const store = new Store();
    await store.open(shared, { agentId, checkpointOnClose: false });
    for (let n = 0; n < 20; n++) await store.set(`${agentId}-${n}`, { n });
    stores.push(store);
  }
  await assertWhole(t, shared);
  await stores[0].compact();
  await stores[1].undo();
  await stores[1].archive((_, id) => id === "one-3");
  await assertWhole(t, shared);
  for (const store of stores) await store.close();
  await assertWhole(t, shared);

  class Backend extends FsBackend {}
  await assertWhole(t, await folderWithEverything(t, Store, { backend: new Backend() }));
  await assertWhole(t, await folderWithEverything(t, Store, { backend: new Backend(), agentId: "one" }));
});

test("verify() of a log that was deleted when it was empty, as dependents do, finds nothing", async (t) => {
  const folder = await folderWithEverything(t);
  const store = new Store();
  await store.open(folder);
  await store.compact();
  await store.close();
  await rm(await activeWal(folder));
  await assertWhole(t, folder);
  await store.open(folder, { recovery: "strict" });
  t.false("missingLogs" in store.recovery);
  await store.close();
});

for (const agentId of [undefined, "one"]) {
  const whose = agentId === undefined ? "a single writer" : "an agent";
  for (const [how, remove] of [
    ["deleteBlob()", (backend, log) => backend.deleteBlob(log)],
    ["deleteBlobDir()", (backend) => backend.deleteBlobDir("ops")],
  ]) {
    test(`verify() and open(), ${how} of an FsBackend has deleted the log of ${whose}, as dependents do, find nothing`, async (t) => {
      const folder = await temporaryFolder(t);
      const backend = new FsBackend();
      const store = new Store();
      await store.open(folder, { agentId, checkpointOnClose: false });
      await store.set("a", { n: 1 });
      await store.close();
      await backend.initialize(folder, { readOnly: false });
      const { activeOps, activeAgentOps } = await readManifest(folder);
      const log = activeAgentOps?.[agentId] ?? activeOps;
      await remove(backend, log);
      await backend.shutdown();
      await assertWhole(t, folder);
      await store.open(folder, { agentId, recovery: "strict" });
      t.is(store.count(), 0);
      await store.close();
    });
  }
}

test("verify() and open(), deleteBlob() of an FsBackend has deleted another file, tell of a log that is missing", async (t) => {
  const folder = await folderWithEverything(t);
  const log = await activeWal(folder);
  const backend = new FsBackend();
  await backend.initialize(folder, { readOnly: false });
  await backend.writeBlob(`${relative(folder, log)}.old`, "x");
  await backend.deleteBlob(`${relative(folder, log)}.old`);
  await backend.deleteBlobDir("ops-of-others");
  await backend.shutdown();
  await rm(log);
  t.is((await Store.verify(folder)).damage.length, 1);
});

test("verify() and open(), a log is missing that was not empty when it was closed, tell of it", async (t) => {
  const folder = await folderWithEverything(t);
  const log = await activeWal(folder);
  const { size } = await stat(log);
  await rm(log);
  const { ok, damage } = await Store.verify(folder);
  t.false(ok);
  const what = `this log is missing; it had ${size} bytes when it was closed`;
  t.deepEqual(damage, [{ path: log, offset: null, what, current: true, remedy: null }]);
  for (const readOnly of [true, false]) {
    const store = new Store();
    await t.throwsAsync(store.open(folder, { readOnly, recovery: "strict" }), {
      code: "OPSLOG_CORRUPT",
      message: `${log}: ${what}`,
    });
    const lines = [];
    const { error } = console;
    console.error = (line) => lines.push(line);
    try {
      await store.open(folder, { readOnly });
    } finally {
      console.error = error;
    }
    t.deepEqual(lines, [`opslog: ${log} is missing; it had ${size} bytes when it was closed`]);
    t.deepEqual(store.recovery.missingLogs, [{ path: log, bytes: size }]);
    await store.close();
  }
});

test("verify() while a writer writes, undoes and compacts without a pause, finds nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await openInProcess(t, folder, { checkpointThreshold: 50 });
  let isDone = false;
  const writing = (async () => {
    for (let n = 0; !isDone; n++) {
      await writer.call("set", `id-${n % 40}`, { n, text: "x".repeat(n % 3000) });
      if (n % 7 === 0) await writer.call("undo");
      if (n % 90 === 0) await writer.call("compact");
    }
    return writer.call("close");
  })();
  for (let n = 0; n < 40; n++) t.deepEqual((await Store.verify(folder)).damage, []);
  isDone = true;
  await writing;
});

test("verify() of a folder without a store, or of none, rejects with OPSLOG_NO_STORE", async (t) => {
  const folder = await temporaryFolder(t);
  await t.throwsAsync(Store.verify(folder), { code: "OPSLOG_NO_STORE" });
  await t.throwsAsync(Store.verify(join(folder, "missing")), { code: "OPSLOG_NO_STORE" });
  t.deepEqual(await contents(folder), {});
});

const manifestFile = async (folder) => join(folder, "manifest.json");
const segment = async (folder) => join(folder, "archive", "archive-2020-Q1.json");

/** What is damaged: which file, where, and where that is to be told. Offsets are functions of the file's path. */
const at = (text, n) => (path) => offsetOf(path, text, n);
const lineOf = (text, n) => async (path) => {
  const offset = await offsetOf(path, text, n);
  return (await lineStarts(path)).findLast((start) => start <= offset);
};
const zero = () => 0;
const damages = {
  "the manifest's first brace": [manifestFile, zero, zero],
  "a quote of the manifest": [manifestFile, at('"activeOps"'), at('"activeOps"'), "x"],
  "the manifest's key of the snapshot": [manifestFile, at("currentSnapshot"), zero],
  "the manifest's version": [manifestFile, at("1,\n"), zero, "0"],
  "a byte of the manifest that is no UTF-8": [manifestFile, at("currentSnap"), at("currentSnap"), "\xff"],
  "the folder of the snapshot in the manifest": [manifestFile, at("snapshots/"), zero, "S"],
  "the header's first brace": [currentSnapshot, zero, zero],
  "the header's version": [currentSnapshot, at("version"), zero],
  "a header's byte that is no UTF-8": [currentSnapshot, at("timestamp"), at("timestamp"), "\xff"],
  "the end of the header's line": [currentSnapshot, at("\n"), zero, " "],
  "a record's first brace": [currentSnapshot, at('{"id":"b"'), lineOf('{"id":"b"')],
  "a record's key id": [currentSnapshot, at('id":"b"'), lineOf('{"id":"b"')],
  "a record's key data": [currentSnapshot, at('data":{"name":"name of b'), lineOf('{"id":"b"')],
  "a record's id, which becomes another's": [currentSnapshot, at('b","data"'), lineOf('{"id":"b"'), "a"],
  "a quote inside a record's value": [currentSnapshot, at('"name of b'), lineOf('{"id":"b"'), "x"],
  "a record's number": [currentSnapshot, at(":1}", 1), lineOf('{"id":"b"'), "1"],
  "a record's byte that is no UTF-8": [currentSnapshot, at("name of b"), at("name of b"), "\xff"],
  "a record's last brace": [currentSnapshot, at("}}\n"), lineOf('{"id":"a"'), "x"],
  "the end of a record's line": [currentSnapshot, at('\n{"id":"b"'), lineOf('{"id":"a"'), " "],
  "an operation's first brace": [activeWal, at('{"ts"', 1), lineOf('{"ts"', 1)],
  "an operation's key ts": [activeWal, at('ts"'), zero],
  "an operation's key op": [activeWal, at('op"', 1), lineOf('{"ts"', 1)],
  "an operation's kind": [activeWal, at('delete"'), lineOf('"delete"'), "D"],
  "an operation's key id": [activeWal, at('id":"b"'), lineOf('"id":"b"')],
  "an operation's key prev": [activeWal, at('prev":'), zero],
  "an operation's key data": [activeWal, at('data":'), zero],
  "a patch's quote": [activeWal, at('"$set"'), lineOf('"$set"'), "x"],
  "an operation's encoding": [activeWal, at('delta"'), lineOf('delta"'), "D"],
  "an operation's byte that is no UTF-8": [activeWal, at("another"), at("another"), "\xff"],
  "the end of an operation's line": [activeWal, at("\n"), zero, " "],
  "the segment's first brace": [segment, zero, zero],
  "the segment's key of its records": [segment, at('records"'), zero],
  "the segment's period": [segment, at("2020"), zero, "3"],
  "a quote in the segment": [segment, at('"old"'), at('"old"'), "x"],
  "a byte of the segment that is no UTF-8": [segment, at("name of old"), at("name of old"), "\xff"],
  "the segment's last brace": [segment, at("\n}", 0), at("\n}", 0), "\0"],
};

for (const [what, [fileOf, offsetIn, toldAt, byte]] of Object.entries(damages)) {
  test(`verify(), ${what} was changed, names file and offset`, async (t) => {
    const folder = await folderWithEverything(t);
    const path = await fileOf(folder);
    const expected = await toldAt(path);
    const where = await offsetIn(path);
    if (byte === "\xff") {
      const content = await readFile(path);
      content[where] = 0xff;
      await writeFile(path, content);
    } else {
      await flip(path, where, byte);
    }
    const before = await contents(folder);
    const report = await Store.verify(folder);
    t.false(report.ok);
    const found = places(folder, report);
    t.deepEqual(found[0], [path.slice(folder.length + 1), expected], JSON.stringify(report.damage));
    t.true(report.damage[0].current);
    t.deepEqual(await contents(folder), before);
  });
}

test("verify() of a snapshot that is cut between two lines, says how many records are missing", async (t) => {
  const folder = await folderWithEverything(t);
  const path = await currentSnapshot(folder);
  const cut = (await lineStarts(path)).at(-1);
  await truncate(path, cut);
  const { damage } = await Store.verify(folder);
  t.is(damage.length, 1);
  t.like(damage[0], { path, offset: cut, remedy: null });
  t.regex(damage[0].what, /holds 2 records, the manifest says 3/);
});

test("verify() of files that are missing, names them", async (t) => {
  const folder = await folderWithEverything(t);
  const [snapshot, archived] = [await currentSnapshot(folder), await segment(folder)];
  await rm(snapshot);
  await rm(archived);
  t.deepEqual(
    (await Store.verify(folder)).damage.map(({ path, offset, remedy }) => ({ path, offset, remedy })),
    [snapshot, archived].map((path) => ({ path, offset: null, remedy: null })),
  );
  await rm(join(folder, "manifest.json"));
  t.like((await Store.verify(folder)).damage[0], { path: join(folder, "manifest.json"), offset: null });
});

test("verify() of a manifest that leads out of its folder, says so", async (t) => {
  const folder = await folderWithEverything(t);
  const manifest = await readManifest(folder);
  await writeManifest(folder, { ...manifest, activeOps: "ops/../../elsewhere" });
  const { damage } = await Store.verify(folder);
  t.like(damage[0], { path: join(folder, "manifest.json"), offset: 0 });
  t.regex(damage[0].what, /not inside ops\//);
});

test("verify() of a log whose last write has not finished, says where it begins", async (t) => {
  const folder = await folderWithEverything(t);
  const path = await activeWal(folder);
  const { length } = await readFile(path);
  await appendFile(path, '{"ts":"2026-01-01T00:00:00.000Z","op":"set","id":"torn"');
  const { damage } = await Store.verify(folder);
  t.is(damage.length, 1);
  t.like(damage[0], { path, offset: length, remedy: "cut", current: true });
});

test("verify() of a batch that lacks its end, says where it begins", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await openInProcess(t, folder, { checkpointThreshold: 1000 });
  await writer.call("set", "a", { n: 1 });
  await writer.call("batchSet", [
    ["b", { n: 1 }],
    ["c", { n: 1 }],
  ]);
  await writer.kill();
  const path = await activeWal(folder);
  const [, batch, last] = await lineStarts(path);
  await truncate(path, last);
  const { damage } = await Store.verify(folder);
  t.is(damage.length, 1);
  t.like(damage[0], { path, offset: batch, remedy: "cut" });
});

test("verify() of damage in a file that is no longer current, says that too", async (t) => {
  const folder = await folderWithEverything(t);
  const path = await activeWal(folder);
  const store = new Store();
  await store.open(folder);
  await store.compact();
  await store.close();
  t.not(await activeWal(folder), path);
  await flip(path, 0);
  const { damage } = await Store.verify(folder);
  t.deepEqual(
    damage.map(({ offset, current }) => ({ offset, current })),
    [{ offset: 0, current: false }],
  );
});

test("verify() of more damage than it lists, counts it all", async (t) => {
  const folder = await folderWithEverything(t);
  await appendFile(await activeWal(folder), "no operation\n".repeat(1500));
  const { damage, damageCount } = await Store.verify(folder);
  t.is(damage.length, 1000);
  t.is(damageCount, 1500);
});

test("verify() of files that the manifest names otherwise than this version would, checks them", async (t) => {
  const folder = await folderWithEverything(t);
  const manifest = await readManifest(folder);
  const moved = { currentSnapshot: "snapshots/latest", activeOps: "ops/log.txt" };
  for (const [name, path] of Object.entries(moved)) {
    await rename(join(folder, manifest[name]), join(folder, path));
    manifest[name] = path;
  }
  await writeManifest(folder, manifest);
  t.deepEqual((await Store.verify(folder)).damage, []);
  for (const path of Object.values(moved)) {
    await flip(join(folder, path), 0);
    t.true(
      places(folder, await Store.verify(folder)).some(
        ([name, offset]) => name === join(path) && offset === 0,
      ),
    );
  }
});

test("verify() of a legacy snapshot in one document, finds what is wrong with it", async (t) => {
  const folder = await folderWithEverything(t);
  const manifest = await readManifest(folder);
  const path = join(folder, "snapshots", "snap-5.json");
  const records = { a: { n: 1 }, b: { n: 1 }, c: { n: 1 } };
  const timestamp = "2024-01-01T00:00:00.000Z";
  await writeFile(path, JSON.stringify({ version: 1, timestamp, records }, null, 2));
  await writeManifest(folder, { ...manifest, currentSnapshot: "snapshots/snap-5.json" });
  t.deepEqual((await Store.verify(folder)).damage, []);
  const offset = await offsetOf(path, '"b"');
  await flip(path, offset, "x");
  t.deepEqual(places(folder, await Store.verify(folder)), [[join("snapshots", "snap-5.json"), offset]]);
});
