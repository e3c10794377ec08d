/** Store.verify(), Store.repair() and backup() of folders in which somebody has put what no store would. */
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../index.mjs";
import { appendToWal, storedEntries, temporaryFolder } from "./helpers/store-folder.mjs";

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
