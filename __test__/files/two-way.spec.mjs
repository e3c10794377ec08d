/** Folders go back and forth between 0.8.1 and ours, in good order and after a crash. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { original } from "../helpers/original.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import {
  currentSnapshot,
  readManifest,
  reopened,
  storedEntries,
  temporaryFolder,
} from "../helpers/store-folder.mjs";

const versions = { "0.8.1": original.Store, ours: Store };
const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const text = "x".repeat(150);
const byId = ([one], [other]) => (one < other ? -1 : 1);

/**
 * Writes what every feature leaves in a folder, and returns the entries that must be found there. Only the
 * snapshot gets text that is not ASCII, and buffers are flushed before batch() and undo(): there 0.8.1 writes
 * other operations than it was given.
 */
async function writeEverything(Writer, folder, writeMode) {
  const store = new Writer();
  await store.open(folder, { ...manual, writeMode });
  for (let n = 0; n < 20; n++)
    await store.set(`id-${n}`, { n, text, nested: { list: [n, null, { deep: [[]] }] } });
  await store.set("ключ/с пробелом", { text: "ä€😀\u2028\0", large: 1e21, small: 1e-7 });
  await store.archive((record) => record.n < 3, "2024-Q1");
  await store.set("id-5", { n: 5, text, changed: true });
  await store.delete("id-6");
  await store.set("id-6", { n: 6, back: true });
  await store.flush();
  await store.batch(() => {
    store.set("batched", { n: 100, text });
    store.set("batched", { n: 101, text });
    store.delete("id-7");
  });
  await store.set("undone", { n: 1 });
  await store.flush();
  await store.undo();
  await store.set("__proto__", { own: true, text });
  const entries = store.entries();
  await store.close();
  return entries;
}

for (const [from, to] of [
  ["0.8.1", "ours"],
  ["ours", "0.8.1"],
]) {
  const [Writer, Reader] = [versions[from], versions[to]];
  for (const writeMode of ["immediate", "group", "async"]) {
    test(`open() with ${to}, ${from} wrote the folder in ${writeMode} mode, finds the same state in the same order`, async (t) => {
      const folder = await temporaryFolder(t);
      const expected = await writeEverything(Writer, folder, writeMode);
      await reopened(Reader, folder, async (store) => {
        t.deepEqual(store.entries(), expected);
        t.deepEqual(store.listArchiveSegments(), ["archive/archive-2024-Q1.json"]);
        t.deepEqual([...(await store.loadArchive("2024-Q1")).keys()], ["id-0", "id-1", "id-2"]);
        t.true(await store.undo());
        await store.compact();
        t.deepEqual(store.entries(), expected.slice(0, -1));
      });
      t.deepEqual(await storedEntries(Writer, folder), expected.slice(0, -1));
    });
  }

  test(`undo() with ${to}, step by step through the log of ${from}, goes through the same states`, async (t) => {
    const folders = [await temporaryFolder(t), await temporaryFolder(t)];
    for (const folder of folders) await writeEverything(Writer, folder, "immediate");
    const stores = [new Writer(), new Reader()];
    for (const n of [0, 1]) await stores[n].open(folders[n], manual);
    let again = true;
    while (again) {
      // 0.8.1 shows the marks that ours adds to lines and that it ignores.
      const strip = (operation) => {
        const { ts: _ts, batch: _batch, cuts: _cuts, after: _after, ...shown } = operation;
        return shown;
      };
      t.deepEqual(stores[1].getOps().map(strip), stores[0].getOps().map(strip));
      t.deepEqual(stores[1].entries().sort(byId), stores[0].entries().sort(byId));
      const outcomes = [await stores[0].undo(), await stores[1].undo()];
      t.is(outcomes[1], outcomes[0]);
      again = outcomes[0];
    }
    for (const store of stores) await store.close();
  });

  test(`open() with ${to}, read-only, beside a running writer of ${from}, sees its records and tails`, async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openInProcess(t, folder, manual, { original: from === "0.8.1" });
    await writer.call("set", "a", { n: 1 });
    await writer.call("batchSet", [
      ["b", { n: 2 }],
      ["c", { n: 3 }],
    ]);
    const reader = new Reader();
    await reader.open(folder, { readOnly: true });
    t.deepEqual(
      reader.entries().map(([id]) => id),
      ["a", "b", "c"],
    );
    await writer.call("set", "d", { n: 4 });
    t.deepEqual(
      (await reader.tail()).map((operation) => operation.id),
      ["d"],
    );
    await writer.call("compact");
    await reader.close();
    await reader.open(folder, { readOnly: true });
    t.is(reader.count(), 4);
    await reader.close();
  });
}

test("open() with 0.8.1, ours was killed while it wrote and made checkpoints, finds every acknowledged write", async (t) => {
  const folder = await temporaryFolder(t);
  const acknowledged = [];
  for (let round = 0; round < 3; round++) {
    const writer = await openInProcess(t, folder, { ...manual, checkpointThreshold: 400 });
    const enough = new Promise((resolve) => {
      let lines = 0;
      writer.onLine((id) => acknowledged.push(id) && ++lines === 1500 && resolve());
    });
    writer.call("writeForEver", `round-${round}`, true).catch(() => {});
    await enough;
    await writer.kill();
    const readers = [original.Store, Store];
    if (round % 2 === 1) readers.reverse();
    const found = [];
    for (const Reader of readers) found.push(await storedEntries(Reader, folder, { readOnly: true }));
    t.deepEqual(found[1], found[0]);
    const ids = new Set(found[0].map(([id]) => id));
    t.deepEqual(
      acknowledged.filter((id) => !ids.has(id)),
      [],
    );
  }
});

test("open(), 0.8.1 was killed and left its lock, takes over with every record", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await openInProcess(t, folder, manual, { original: true });
  await writer.call("set", "a", { n: 1 });
  await writer.kill();
  t.is(await readFile(join(folder, ".lock"), "utf8"), String(writer.pid));
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
  t.deepEqual(await storedEntries(original.Store, folder), [["a", { n: 1 }]]);
});

test("getManifest(), the folder came from 0.8.1, has the names and counts that it wrote", async (t) => {
  const folder = await temporaryFolder(t);
  await writeEverything(original.Store, folder, "immediate");
  const { currentSnapshot: snapshot, activeOps, archiveSegments, stats } = await readManifest(folder);
  await reopened(Store, folder, (store) =>
    t.deepEqual(store.getManifest(), { currentSnapshot: snapshot, activeOps, archiveSegments, stats }),
  );
});

test("open() with 0.8.1, ours keeps files of its own, does not depend on them", async (t) => {
  const folder = await temporaryFolder(t);
  const expected = await writeEverything(Store, folder, "immediate");
  await rm(join(folder, "index"), { recursive: true, force: true });
  t.deepEqual(await storedEntries(original.Store, folder), expected);
  t.deepEqual(await storedEntries(Store, folder), expected);
  t.regex(await currentSnapshot(folder), /snapshots.snap-\d+\.jsonl$/);
});
