/** Facts about a store's folder on disk, read without the product. */
import { createHash } from "node:crypto";
import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Creates an empty folder that is removed when the test `t` is over; in memory, if the test is `everywhere()` and has come to that. */
export async function temporaryFolder(t) {
  if (t.context.inMemory) return ":memory:";
  const folder = await mkdtemp(join(tmpdir(), "opslog-"));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export async function readManifest(folder) {
  return JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
}

export async function writeManifest(folder, manifest) {
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest, null, 2));
}

export async function activeWal(folder) {
  return join(folder, (await readManifest(folder)).activeOps);
}

export async function currentSnapshot(folder) {
  return join(folder, (await readManifest(folder)).currentSnapshot);
}

/** Returns the operations in the active WAL, in file order. */
export async function walOperations(folder) {
  const text = await readFile(await activeWal(folder), "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

export async function appendToWal(folder, text) {
  await appendFile(await activeWal(folder), text);
}

/** Returns every file below `folder` with a digest of its content, for "nothing was written". */
export async function contents(folder) {
  const found = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const name = path.slice(folder.length + 1);
    found[name] = entry.isFile() ? await digest(path) : "folder";
  }
  return found;
}

async function digest(path) {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

/** Opens the folder with `Store`, hands the store to `look`, and closes it without a checkpoint. */
export async function reopened(Store, folder, look, options = {}) {
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false, ...options });
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}

/** Returns what a fresh `Store` finds in the folder, in its order. */
export async function storedEntries(Store, folder, options) {
  return reopened(Store, folder, (store) => store.entries(), options);
}

/** Writes a single-writer folder by hand, as an older version left it. */
export async function writeFolderByHand(folder, { snapshot, snapshotName, wal, manifest = {} }) {
  for (const name of ["snapshots", "ops", "archive"]) await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, "snapshots", snapshotName), snapshot);
  await writeFile(join(folder, "ops", "ops-1000.jsonl"), wal);
  const created = "2024-01-01T00:00:00.000Z";
  await writeManifest(folder, {
    version: 1,
    currentSnapshot: `snapshots/${snapshotName}`,
    activeOps: "ops/ops-1000.jsonl",
    archiveSegments: [],
    stats: { activeRecords: 0, archivedRecords: 0, opsCount: 0, created, lastCheckpoint: created },
    ...manifest,
  });
}
