import { mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import {
  activeWal,
  contents,
  currentSnapshot,
  readManifest,
  reopened,
  storedEntries,
  temporaryFolder,
} from "../helpers/store-folder.mjs";

async function folderWithData(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  for (let n = 0; n < 10; n++) await store.set(`id-${n}`, { n });
  await store.close();
  await reopened(Store, folder, (again) => again.set("logged", { n: 10 }));
  return folder;
}

/** Asserts that the folder does not open, that the error names what is wrong, and that nothing was touched. */
async function assertRefused(t, folder, expectation) {
  const before = await contents(folder);
  const store = new Store();
  const error = await t.throwsAsync(store.open(folder));
  t.like(error, expectation);
  t.deepEqual(await contents(folder), before);
  await t.throwsAsync(store.open(folder, { readOnly: true }));
  t.deepEqual(await contents(folder), before);
  return error;
}

test.serial("compact() twice in one millisecond, writes two generations and loses nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  const now = Date.now;
  const frozen = now();
  Date.now = () => frozen;
  const generations = [];
  try {
    for (const id of ["a", "b", "c"]) {
      await store.set(id, { id });
      await store.compact();
      generations.push(await readManifest(folder));
    }
  } finally {
    Date.now = now;
  }
  t.is(new Set(generations.map((manifest) => manifest.currentSnapshot)).size, 3);
  t.is(new Set(generations.map((manifest) => manifest.activeOps)).size, 3);
  await store.set("d", { id: "d" });
  await store.close();
  t.deepEqual(
    (await storedEntries(Store, folder)).map(([id]) => id),
    ["a", "b", "c", "d"],
  );
});

/** Puts a file where the folder of snapshots was, so that none can be written; returns the way back. */
async function blockSnapshots(folder) {
  const [snapshots, elsewhere] = [join(folder, "snapshots"), join(folder, "elsewhere")];
  await rename(snapshots, elsewhere);
  await writeFile(snapshots, "");
  return async () => {
    await unlink(snapshots);
    await rename(elsewhere, snapshots);
  };
}

const checkpoints = {
  "compact()": (store) => store.compact(),
  "archive()": (store) => store.archive((record) => record.n < 5, "2024-Q1"),
  "close()": (store) => store.close(),
};

for (const [title, makeCheckpoint] of Object.entries(checkpoints)) {
  test(`${title}, no snapshot can be written, rejects and the old generation stays`, async (t) => {
    const folder = await folderWithData(t);
    const before = await readManifest(folder);
    const store = new Store();
    await store.open(folder, { checkpointThreshold: 1000 });
    const entries = store.entries();
    const unblock = await blockSnapshots(folder);
    await t.throwsAsync(makeCheckpoint(store), { code: "OPSLOG_IO" });
    await unblock();
    t.deepEqual(await readManifest(folder), before);
    if (title === "close()") await store.open(folder);
    t.deepEqual(store.entries(), entries);
    t.deepEqual(store.listArchiveSegments(), []);
    await store.set("later", { n: 11 });
    await store.compact();
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), [...entries, ["later", { n: 11 }]]);
  });
}

test("batch() and set(), no snapshot can be written at the threshold, resolve and stay applied", async (t) => {
  const folder = await folderWithData(t);
  const store = new Store();
  await store.open(folder, { checkpointThreshold: 3, checkpointOnClose: false });
  const unblock = await blockSnapshots(folder);
  await store.batch(() => ["a", "b", "c"].forEach((id) => store.set(id, { id })));
  for (const id of ["d", "e", "f"]) await store.set(id, { id });
  t.is(store.count(), 17);
  await store.close();
  await unblock();
  t.is((await storedEntries(Store, folder)).length, 17);
});

test("open(), the snapshot was truncated after a whole line, rejects with OPSLOG_CORRUPT", async (t) => {
  const folder = await folderWithData(t);
  const path = await currentSnapshot(folder);
  const lines = (await readFile(path, "utf8")).split("\n");
  await writeFile(path, `${lines.slice(0, 6).join("\n")}\n`);
  await assertRefused(t, folder, { code: "OPSLOG_CORRUPT" });
});

test("open(), the snapshot was truncated in the middle of a line, rejects with OPSLOG_CORRUPT", async (t) => {
  const folder = await folderWithData(t);
  const path = await currentSnapshot(folder);
  const text = await readFile(path, "utf8");
  await writeFile(path, text.slice(0, text.length - 5));
  await assertRefused(t, folder, { code: "OPSLOG_CORRUPT" });
});

/** What Node says of a folder that is read as a file. */
const readsFolder = process.platform === "win32" ? "EPERM" : "EISDIR";

test("open(), the manifest can't be read, rejects with OPSLOG_IO and the path", async (t) => {
  const folder = await folderWithData(t);
  await rename(join(folder, "manifest.json"), join(folder, "elsewhere.json"));
  await mkdir(join(folder, "manifest.json"));
  const error = await assertRefused(t, folder, { code: "OPSLOG_IO" });
  t.is(error.cause?.code, readsFolder);
  t.regex(String(error.path), /manifest\.json$/);
});

test("open(), the manifest is gone but there is data, rejects and overwrites nothing", async (t) => {
  const folder = await folderWithData(t);
  await unlink(join(folder, "manifest.json"));
  const error = await assertRefused(t, folder, { code: "OPSLOG_CORRUPT" });
  t.regex(error.message, /manifest is missing/);
});

test("open(), the log can't be read, rejects with OPSLOG_IO and the path", async (t) => {
  const folder = await folderWithData(t);
  const wal = await activeWal(folder);
  await rename(wal, join(folder, "elsewhere.jsonl"));
  await mkdir(wal);
  const error = await assertRefused(t, folder, { code: "OPSLOG_IO" });
  t.is(error.cause?.code, readsFolder);
  t.regex(String(error.path), /ops-\d+\.jsonl$/);
});

test("open(), the log that the manifest names is missing, reads it as empty and creates it on a write", async (t) => {
  const folder = await folderWithData(t);
  await unlink(await activeWal(folder));
  await reopened(Store, folder, async (store) => {
    t.is(store.count(), 10);
    await store.set("later", { n: 11 });
  });
  t.is((await storedEntries(Store, folder)).length, 11);
});

test("open(), the snapshot is missing, rejects with 0.8.1's message", async (t) => {
  const folder = await folderWithData(t);
  const path = await currentSnapshot(folder);
  await unlink(path);
  const name = (await readManifest(folder)).currentSnapshot;
  await assertRefused(t, folder, {
    message: `Snapshot file not found: ${name}. The data directory may be corrupted.`,
  });
});
