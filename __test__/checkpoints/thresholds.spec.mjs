/** When checkpoints are made, which snapshots they delete, and who hears of one that failed. */
import diagnostics from "node:diagnostics_channel";
import { mkdir, readdir, rename, rmdir, unlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import test from "ava";
import { openOurs } from "../helpers/stores.mjs";
import { original } from "../helpers/original.mjs";
import { readManifest, reopened, temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

/** More than 1 MB in few operations. */
const large = Array.from({ length: 12 }, (_, n) => [`large-${n}`, { text: "x".repeat(100_000) }]);

/** A folder whose snapshot is too large to be rewritten for every few operations. */
async function folderWithLargeSnapshot(t) {
  const { store, folder } = await openOurs(t);
  await store.batch(() => {
    for (const [id, value] of large) store.set(id, value);
  });
  await store.compact();
  await store.close();
  return folder;
}

async function setMany(store, count) {
  for (let n = 0; n < count; n++) await store.set(`small-${n}`, { n });
}

const snapshotsOf = async (folder) => (await readdir(join(folder, "snapshots"))).sort();

/** Runs `work` with a clock that stands where it is told to. */
async function withClock(work) {
  const realNow = Date.now;
  let now = realNow();
  Date.now = () => now;
  try {
    await work((milliseconds) => {
      now += milliseconds;
    });
  } finally {
    Date.now = realNow;
  }
}

test("set() with default options, the snapshot has over 1 MB, waits with a checkpoint until the log has a quarter of that", async (t) => {
  const folder = await folderWithLargeSnapshot(t);
  const { currentSnapshot } = await readManifest(folder);
  const { store } = await openOurs(t, { folder });
  await setMany(store, 250);
  t.is(store.stats().opsCount, 250);
  await store.set("large-0", { text: "y".repeat(400_000) });
  t.is(store.stats().opsCount, 0);
  // Behind the automatic one.
  await store.compact();
  t.not((await readManifest(folder)).currentSnapshot, currentSnapshot);
});

everywhere(
  "set() with a threshold that is given, the snapshot has over 1 MB, makes checkpoints at that threshold",
  async (t) => {
    const folder = await folderWithLargeSnapshot(t);
    const { store } = await openOurs(t, { folder, checkpointThreshold: 100 });
    await setMany(store, 250);
    t.is(store.stats().opsCount, 50);
  },
);

everywhere(
  "set() with default options, the snapshot is small, makes checkpoints at the threshold",
  async (t) => {
    const { store } = await openOurs(t);
    await setMany(store, 250);
    t.is(store.stats().opsCount, 50);
  },
);

for (const [options, isMade] of [
  [{}, false],
  [{ checkpointOnClose: true }, true],
]) {
  const given = Object.keys(options).join() || "default options";
  test(`close() with ${given}, the snapshot has over 1 MB and the log little, makes ${isMade ? "a" : "no"} checkpoint`, async (t) => {
    const folder = await folderWithLargeSnapshot(t);
    const before = await readManifest(folder);
    await reopenedWith(folder, options);
    const after = await readManifest(folder);
    t.is(after.currentSnapshot !== before.currentSnapshot, isMade);
    const { store } = await openOurs(t, { folder, readOnly: true });
    t.deepEqual(store.get("a"), { n: 1 });
  });
}

async function reopenedWith(folder, options) {
  const { Store } = await import("../../index.mjs");
  const store = new Store();
  await store.open(folder, options);
  await store.set("a", { n: 1 });
  await store.close();
}

test.serial(
  "compact(), snapshots were superseded 10 s ago or more, deletes them but the newest of them",
  async (t) => {
    await withClock(async (advance) => {
      const { store, folder } = await openOurs(t);
      const current = () => basename(store.getManifest().currentSnapshot);
      const written = [current()];
      const checkpointAfter = async (milliseconds) => {
        advance(milliseconds);
        await store.compact();
        written.push(current());
      };
      await checkpointAfter(1);
      await checkpointAfter(9_999);
      t.deepEqual(await snapshotsOf(folder), written);
      await checkpointAfter(1);
      t.deepEqual(await snapshotsOf(folder), written.slice(1));
      await checkpointAfter(30_000);
      t.deepEqual(await snapshotsOf(folder), written.slice(3));
      await store.close();
    });
  },
);

test.serial(
  "compact(), the superseded snapshot was written by 0.8.1, keeps it however old it is",
  async (t) => {
    const folder = await temporaryFolder(t);
    await reopened(original.Store, folder, (store) => store.set("a", { n: 1 }));
    const before = await snapshotsOf(folder);
    await withClock(async (advance) => {
      const { store } = await openOurs(t, { folder });
      for (let round = 0; round < 4; round++) {
        await store.compact();
        advance(30_000);
      }
      await store.close();
    });
    t.true((await snapshotsOf(folder)).includes(before[0]));
  },
);

test("set(), the checkpoint that it sets off fails, is reported on the channel opslog:checkpoint-failed", async (t) => {
  const { store, folder } = await openOurs(t, { checkpointThreshold: 2, checkpointOnClose: false });
  const [snapshots, elsewhere] = [join(folder, "snapshots"), join(folder, "elsewhere")];
  await rename(snapshots, elsewhere);
  await writeFile(snapshots, "");
  const reported = new Promise((resolve) => {
    const listener = (message) => {
      if (message.folder !== folder) return;
      diagnostics.unsubscribe("opslog:checkpoint-failed", listener);
      resolve(message);
    };
    diagnostics.subscribe("opslog:checkpoint-failed", listener);
  });
  await store.set("a", { n: 1 });
  await store.set("b", { n: 2 });
  const { error } = await reported;
  t.is(error.code, "OPSLOG_IO");
  t.is(store.stats().opsCount, 2);
  await unlink(snapshots);
  await rename(elsewhere, snapshots);
  await store.compact();
  t.is(store.stats().opsCount, 0);
});

test("archive() that fails in the end, others look at all records meanwhile, leaves every record to be seen", async (t) => {
  const { store, folder } = await openOurs(t);
  // So many that archive() does not keep them all when it chooses.
  const records = Array.from({ length: 6000 }, (_, n) => [`record-${n}`, { n }]);
  await store.batch(() => {
    for (const [id, value] of records) store.set(id, value);
  });
  await store.close();
  const isOther = (_, id) => id !== "record-7";
  const manifest = join(folder, "manifest.json");
  let fewest = Infinity;
  for (let attempt = 0; attempt < 5; attempt++) {
    await store.open(folder, { checkpointOnClose: false });
    await rename(manifest, `${manifest}.aside`);
    // No file can get the name of a folder.
    await mkdir(manifest);
    let isOver = false;
    const archiving = store.archive(isOther, "all").finally(() => (isOver = true));
    const refused = t.throwsAsync(archiving, { code: "OPSLOG_IO" });
    while (!isOver) {
      fewest = Math.min(fewest, store.count(), store.all().length);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await refused;
    t.is(store.count(), records.length);
    t.is(store.get("record-3").n, 3);
    t.deepEqual(store.entries(), records);
    await rmdir(manifest);
    await rename(`${manifest}.aside`, manifest);
    await store.close();
  }
  t.is(fewest, records.length, "a caller has looked in the middle of it");
  await store.open(folder);
  t.is(await store.archive(isOther, "all"), records.length - 1);
  t.deepEqual(store.entries(), [["record-7", { n: 7 }]]);
});
