/** Store.verify(), Store.repair() and backup() of folders in which another program has put what no store would. */
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { appendToWal, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

async function folderWithRecord(t) {
  const folder = join(await temporaryFolder(t), "store");
  const store = new Store();
  await store.open(folder);
  await store.set("a", { n: 1 });
  await store.close();
  return folder;
}

const pipes = process.platform === "win32" ? test.skip : test;

pipes(
  "verify(), repair() and backup(), there are folders and pipes among the files, pass them by",
  async (t) => {
    const folder = await folderWithRecord(t);
    for (const name of ["ops/ops-5.jsonl", "snapshots/snap-5.jsonl", "archive/archive-x.json"]) {
      execFileSync("mkfifo", [join(folder, name)]);
    }
    for (const name of [
      "ops/ops-6.jsonl",
      "ops/folder",
      "snapshots/snap-6.jsonl",
      "archive/archive-y.json",
    ]) {
      await mkdir(join(folder, name));
    }
    t.deepEqual((await Store.verify(folder)).damage, []);
    await appendToWal(folder, '{"torn');
    t.true((await Store.repair(folder)).after.ok);
    const store = new Store();
    await store.open(folder);
    await store.backup(`${folder}-copy`, { sealedLogs: true });
    await store.close();
    t.deepEqual(await storedEntries(Store, `${folder}-copy`), [["a", { n: 1 }]]);
  },
);

// To read each level anew from its beginning takes a quarter of an hour here.
test("verify() of a segment that is nested two hundred thousand deep, ends", async (t) => {
  const folder = await folderWithRecord(t);
  const path = join(folder, "archive", "archive-deep.json");
  await writeFile(path, `${'{"a":'.repeat(200_000)}!`);
  const { damage } = await Store.verify(folder);
  t.is(damage.length, 1);
  t.like(damage[0], { path, remedy: null, current: false });
  t.is(damage[0].offset % '{"a":'.length, 0);
});

/** Names that systems and sync programs give, each with a file of the store that it is a copy of or belongs to. */
const strangers = [
  ".DS_Store",
  "desktop.ini",
  "._manifest.json",
  "manifest (conflicted copy 2026-01-01).json",
  "ops/._ops-1.jsonl",
  "ops/.DS_Store",
  "ops/Thumbs.db",
  "ops/ops-1 (conflicted copy).jsonl",
  "ops/ops-1 (1).jsonl",
  "ops/ops-1-LAPTOP.jsonl",
  "ops/ops-1.sync-conflict-20260101-120000-ABCDEFG.jsonl",
  "ops/agent-a-1.sync-conflict-20260101-120000-2345672.jsonl",
  "snapshots/._snap-1.jsonl",
  "snapshots/snap-1 (Ann's conflicted copy).jsonl",
  "archive/._archive-2026.json",
  "archive/archive-2026 (conflicted copy).json",
  "index/._snap-1.jsonl.idx",
  "index/snap-1 (1).jsonl.idx",
];

test("verify() and repair(), sync programs and systems left files in the folder, list them as foreign and leave them alone", async (t) => {
  const folder = await folderWithRecord(t);
  await mkdir(join(folder, "index"), { recursive: true });
  await mkdir(join(folder, ".stfolder"));
  for (const name of strangers) await writeFile(join(folder, name), "not of the store\n");
  const found = await Store.verify(folder);
  t.deepEqual(found.damage, []);
  t.deepEqual(
    [...found.foreign].sort(),
    [".stfolder", ...strangers].map((name) => join(folder, ...name.split("/"))).sort(),
  );
  await appendToWal(folder, "no operation\n");
  const { steps, after } = await Store.repair(folder);
  t.is(steps.length, 1);
  t.deepEqual(after.foreign, found.foreign);
  for (const name of strangers) t.is(await readFile(join(folder, name), "utf8"), "not of the store\n", name);
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
});

test("verify() of an archive segment and its copy under another name, lists the copy as foreign", async (t) => {
  const folder = await folderWithRecord(t);
  const store = new Store();
  await store.open(folder);
  await store.archive(() => true, "2026");
  await store.close();
  const copy = join(folder, "archive", "archive-2026 (1).json");
  await copyFile(join(folder, "archive", "archive-2026.json"), copy);
  t.like(await Store.verify(folder), { ok: true, archivedRecords: 1, foreign: [copy] });
});

test("verify() of a folder in which there are only files of a sync program, rejects with OPSLOG_NO_STORE", async (t) => {
  const folder = await temporaryFolder(t);
  for (const name of ["snapshots", "ops", "archive"]) await mkdir(join(folder, name));
  await writeFile(join(folder, "ops", "._ops-1.jsonl"), "x");
  await t.throwsAsync(Store.verify(folder), { code: "OPSLOG_NO_STORE" });
});
