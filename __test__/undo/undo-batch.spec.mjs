import { appendFile } from "node:fs/promises";

import test from "ava";

import { openAgent, recordsIn } from "../helpers/agents.mjs";
import { activeWal, reopened } from "../helpers/store-folder.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { Store } from "../../index.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };

async function withBatch(store) {
  await store.set("a", 1);
  await store.batch(() => {
    store.set("a", 2);
    store.delete("a");
    store.set("b", 3);
    store.set("b", 4);
  });
}

test("undo({ batch: true }) takes the whole last batch back, in records, history and log", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await withBatch(store);
  t.true(await store.undo({ batch: true }));
  t.deepEqual(store.entries(), [["a", 1]]);
  t.is(store.getOps().length, 1);
  t.deepEqual(await recordsIn(folder), { a: 1 });
  t.true(await store.undo({ batch: true }));
  t.false(await store.undo({ batch: true }));
  t.deepEqual(store.entries(), []);
});

everywhere("undo({ batch: true }) of an operation that is of no batch takes that one back", async (t) => {
  for (const writeMode of ["immediate", "group"]) {
    const { store } = await openOurs(t, { ...manual, writeMode });
    await withBatch(store);
    await store.set("c", 5);
    t.true(await store.undo({ batch: true }));
    t.deepEqual(store.entries(), [["b", 4]]);
    t.true(await store.undo({ batch: true }));
    t.deepEqual(store.entries(), [["a", 1]]);
  }
});

test("undo({ batch: true }) of an operation behind a batch that a crash cut takes back that one only", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.close();
  const line = (id, marks) =>
    JSON.stringify({ ts: "2026-01-01T00:00:00.000Z", op: "set", id, prev: null, data: 1, ...marks });
  // 0.8.1 takes the first line of the batch for an operation of its own, and goes on.
  await appendFile(await activeWal(folder), `${line("a", { batch: "more" })}\n${line("b")}\n`);
  await store.open(folder, manual);
  t.true(await store.undo({ batch: true }));
  t.deepEqual(store.entries(), [["a", 1]]);
  t.deepEqual(await recordsIn(folder), { a: 1 });
});

test("undo({ batch: true }) after an undo() takes what is left of the batch", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await withBatch(store);
  t.true(await store.undo());
  t.true(await store.undo({ batch: true }));
  t.deepEqual(store.entries(), [["a", 1]]);
  await store.close();
  t.deepEqual(await reopened(Store, folder, (found) => found.entries(), manual), [["a", 1]]);
});

test("undo({ batch: true }) of a batch that came during a checkpoint takes it out of both logs", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  for (let n = 0; n < 2000; n++) await store.set(`id${n}`, { n });
  const before = store.entries();
  const checkpoint = store.compact();
  await store.batch(() => {
    for (let n = 0; n < 50; n++) store.set(`late${n}`, n);
  });
  t.true(await store.undo({ batch: true }));
  await checkpoint;
  t.deepEqual(store.entries(), before);
  await store.close();
  t.deepEqual(await reopened(Store, folder, (found) => found.entries(), manual), before);
});

test("an agent's undo({ batch: true }) takes its own last batch back, whatever others wrote behind it", async (t) => {
  const { store, folder } = await openOurs(t, { ...manual, agentId: "one" });
  const other = await openAgent(t, folder, "two");
  await withBatch(store);
  await other.refresh();
  await other.set("other", 1);
  t.true(await store.undo({ batch: true }));
  t.deepEqual(Object.fromEntries(store.entries()), { a: 1, other: 1 });
  t.deepEqual(await recordsIn(folder), { a: 1, other: 1 });
});

test("a kill behind undo({ batch: true }) leaves none of the batch", async (t) => {
  const { folder, store } = await openOurs(t, manual);
  await store.close();
  const writer = await openInProcess(t, folder, manual);
  await writer.call("set", "a", 1);
  await writer.call("batchSet", [
    ["b", 1],
    ["c", 2],
  ]);
  await writer.call("undo", { batch: true });
  await writer.kill();
  t.deepEqual(await recordsIn(folder), { a: 1 });
});

everywhere("undo() with another option than batch, or another type, is refused", async (t) => {
  const { store } = await openOurs(t, manual);
  await store.set("a", 1);
  await t.throwsAsync(store.undo({ bach: true }), { code: "OPSLOG_INVALID_ARGUMENT" });
  await t.throwsAsync(store.undo({ batch: 1 }), { code: "OPSLOG_INVALID_ARGUMENT" });
  t.is(store.count(), 1);
});
