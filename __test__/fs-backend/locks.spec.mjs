/** Locks through FsBackend. */
import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import { backends, manifest } from "../helpers/fs-backends.mjs";

test("acquireLock(), twice, rejects with OPSLOG_LOCKED; after releaseLock() it works again", async (t) => {
  const { folder, ours } = await backends(t);
  const handle = await ours.acquireLock();
  t.is(await fs.readFile(path.join(folder, ".lock"), "utf8"), String(process.pid));
  await t.throwsAsync(ours.acquireLock(), {
    code: "OPSLOG_LOCKED",
    message: new RegExp(`^Store is locked by process ${process.pid}\\. It is this very process`),
  });
  await ours.releaseLock(handle);
  await ours.releaseLock(handle);
  await t.throwsAsync(fs.access(path.join(folder, ".lock")), { code: "ENOENT" });
  await ours.releaseLock(await ours.acquireLock());
});

test("releaseLock(), after initialize() for another folder, releases the folder that was locked", async (t) => {
  const { folder, ours } = await backends(t);
  const handle = await ours.acquireLock();
  await ours.initialize(path.join(folder, "second"), { readOnly: false });
  await ours.releaseLock(handle);
  await t.throwsAsync(fs.access(path.join(folder, ".lock")), { code: "ENOENT" });
});

test("acquireLock(), beside temporary files, removes those that no process holds, whatever number is in their names", async (t) => {
  const { folder, ours } = await backends(t);
  const left = [
    "snapshots/snap-1.jsonl.2147483646-1.tmp",
    `snapshots/snap-1.jsonl.${process.pid}-1.tmp`,
    "archive/archive-q.json.1-1.tmp",
    `manifest.json.${process.pid}-99.tmp`,
  ];
  const blobs = ["notes.2147483646-1.tmp", "snapshots/notes.tmp"];
  for (const name of [...left, ...blobs]) await fs.writeFile(path.join(folder, name), "");
  await ours.releaseLock(await ours.acquireLock());
  for (const name of left) await t.throwsAsync(fs.access(path.join(folder, name)), { code: "ENOENT" }, name);
  for (const name of blobs) await t.notThrowsAsync(fs.access(path.join(folder, name)), name);
});

test("acquireLock() again and again, beside manifests, snapshots and segments that are being written, takes nothing away", async (t) => {
  const { folder, ours } = await backends(t);
  let isOver = false;
  const locking = (async () => {
    while (!isOver) await ours.releaseLock(await ours.acquireLock());
  })();
  const records = new Map(Array.from({ length: 300 }, (_, n) => [`r${n}`, { n }]));
  for (let round = 0; round < 15; round++) {
    await ours.writeManifest(manifest);
    await ours.loadSnapshot(await ours.writeSnapshot(records, 1));
    await ours.writeArchiveSegment(`q${round}`, records);
  }
  isOver = true;
  await locking;
  const names = await fs.readdir(folder, { recursive: true });
  t.deepEqual(
    names.filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("acquireCompactionLock(), twice, rejects with 0.8.1's message and OPSLOG_LOCKED", async (t) => {
  const { folder, ours } = await backends(t);
  const handle = await ours.acquireCompactionLock();
  t.is(await fs.readFile(path.join(folder, ".compact-lock"), "utf8"), String(process.pid));
  await t.throwsAsync(ours.acquireCompactionLock(), {
    code: "OPSLOG_LOCKED",
    message: "Compaction lock held by another agent",
  });
  await ours.releaseCompactionLock(handle);
  await t.throwsAsync(fs.access(path.join(folder, ".compact-lock")), { code: "ENOENT" });
});
