import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { original } from "../helpers/original.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

test("undo() in a batch while compact() attaches its next log keeps the rest of the batch", async (t) => {
  const { store, folder } = await openOurs(t, { checkpointOnClose: false });
  await store.batch(() => {
    for (let i = 0; i < 2000; i++) store.set(`record ${i}`, { n: i, text: "x".repeat(100) });
  });
  await store.compact();
  for (let round = 0; round < 12; round++) {
    const compacting = store.compact();
    await store.batch(() => {
      for (const id of ["a", "b", "c"]) store.set(id, { round });
    });
    t.true(await store.undo());
    await compacting;
    const reader = await storedEntries(Store, folder, { readOnly: true });
    t.deepEqual(reader.slice(2000), [
      ["a", { round }],
      ["b", { round }],
      ...(round === 0 ? [] : [["c", { round: -1 }]]),
    ]);
    await store.set("c", { round: -1 });
  }
  const live = store.entries();
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), live);
});

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

class OwnBackend extends FsBackend {}

const ways = {
  "in a folder": () => ({}),
  "in group mode": () => ({ writeMode: "group" }),
  "through a backend": () => ({ backend: new OwnBackend() }),
  "of an agent": () => ({ agentId: "one" }),
  "of an agent through a backend": () => ({ agentId: "one", backend: new OwnBackend() }),
};

const rejected = new Error("rejected");

const undone = {
  "of a record": async (store) => {
    await store.delete("a");
    assert.ok(await store.undo());
  },
  "of a record that was looked at": async (store) => {
    store.all();
    await store.delete("a");
    store.all();
    assert.ok(await store.undo());
  },
  "of two records": async (store) => {
    await store.delete("a");
    await store.delete("c");
    store.entries();
    assert.ok(await store.undo());
    assert.ok(await store.undo());
  },
  "of a record that was set again": async (store) => {
    await store.delete("a");
    await store.set("a", { again: true });
    store.entries();
    assert.ok(await store.undo());
    assert.ok(await store.undo());
  },
  "in a batch": async (store) => {
    await store.batch(() => {
      store.set("x", {});
      store.delete("a");
    });
    assert.ok(await store.undo());
  },
  "behind a batch that was rolled back": async (store) => {
    const batch = store.batch(() => {
      store.delete("b");
      store.set("b", {});
      throw rejected;
    });
    await batch.catch(() => {});
    await store.delete("a");
    assert.ok(await store.undo());
  },
  "in a batch that sets the record again": async (store) => {
    assert.equal(store.entries().length, 4);
    await store.batch(() => {
      store.delete("a");
      store.set("a", { again: true });
      store.set("c", {});
    });
    assert.ok(await store.undo({ batch: true }));
  },
  "while a compaction runs": async (store) => {
    const compacting = store.compact();
    await store.delete("a");
    await store.undo(); // Whether that comes before an agent's seal is open.
    await compacting;
  },
  "behind a compaction": async (store) => {
    await store.compact();
    await store.delete("a");
    assert.ok(await store.undo());
  },
};

for (const [way, options] of Object.entries(ways)) {
  for (const [what, undo] of Object.entries(undone)) {
    test(`undo() of a deletion ${what}, ${way}, the order is the same for the store, for readers and after a restart`, async (t) => {
      const folder = await temporaryFolder(t);
      const { store } = await openOurs(t, { folder, checkpointOnClose: false, ...options() });
      for (const id of ["a", "b", "c", "d"]) await store.set(id, { id });
      await store.flush();
      const backend = options().backend;
      const { store: reader } = await openOurs(t, { folder, readOnly: true, backend });
      await undo(store);
      await store.flush();
      const order = store.entries();
      // What an agent logs before a compaction seals its log cannot be undone any more.
      const expected = ["a", "b", "c", "d"].filter((id) => store.has(id));
      t.deepEqual(
        order.map(([id]) => id).filter((id) => id !== "x"),
        expected,
      );
      t.deepEqual(
        store.filter(() => true),
        store.all(),
      );
      await reader.tail();
      t.deepEqual(reader.entries(), order);
      await reader.refresh();
      t.deepEqual(reader.entries(), order);
      t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), order);
      t.deepEqual(await storedEntries(original.Store, folder, { readOnly: true }), order);
      await store.compact();
      t.deepEqual(store.entries(), order);
      t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), order);
      await store.close();
      t.deepEqual(await storedEntries(Store, folder, options()), order);
    });
  }
}

test("undo() behind two compact() at once over a long log that is not replayed undoes what came behind both", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("long", { text: "x".repeat(1_100_000) });
  await store.close();
  await store.open(folder, manual);
  await Promise.all([store.compact(), store.set("a", 1), store.compact(), store.set("b", 2)]);
  t.deepEqual(
    store.getOps().map(({ id }) => id),
    ["b"],
  );
  t.true(await store.undo());
  t.false(await store.undo());
  t.true(store.has("a"));
  t.false(store.has("b"));
  const entries = store.entries();
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), entries);
});

test("undo() behind two compact() at once of which the first fails undoes what came behind both", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("a", 1);
  await rename(join(folder, "snapshots"), join(folder, "elsewhere"));
  const first = store.compact();
  const isRestored = first.catch(() => rename(join(folder, "elsewhere"), join(folder, "snapshots")));
  const second = store.compact();
  await store.set("b", 2);
  await isRestored;
  await second.catch(() => {});
  await store.set("c", 3);
  const shown = store.getOps().map(({ id }) => id);
  t.true(shown.includes("b") && shown.includes("c"));
  t.true(await store.undo());
  t.true(await store.undo());
  t.deepEqual(store.entries(), [["a", 1]]);
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [["a", 1]]);
});

test("getOps() after a checkpoint has failed on its thread and before that is heard of shows each operation once", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const shown = () => store.getOps().map(({ id }) => id);
  await store.set("a", 1);
  await rename(join(folder, "snapshots"), join(folder, "elsewhere"));
  const compacting = t.throwsAsync(store.compact());
  await store.set("b", 2);
  shown();
  // Nothing of this thread runs meanwhile.
  while (store.stats().opsCount < 2);
  t.deepEqual(shown(), ["a", "b"]);
  await compacting;
  t.deepEqual(shown(), ["a", "b"]);
  await rename(join(folder, "elsewhere"), join(folder, "snapshots"));
});

test("getWalOps() beside undo() yields every operation that stays", async (t) => {
  const { store } = await openOurs(t, manual);
  for (const id of ["a", "b", "c"]) await store.set(id, { id });
  const operations = store.getWalOps();
  const yielded = [(await operations.next()).value.id];
  t.true(await store.undo());
  await store.set("long", { text: "x".repeat(1000) });
  await store.set("d", {});
  for await (const { id } of operations) yielded.push(id);
  t.deepEqual(
    yielded.filter((id) => id !== "c"),
    ["a", "b", "long", "d"],
  );
});

test("get() gives the same object after set() or delete() and undo(), and after changes that a failed batch takes back", async (t) => {
  const { store } = await openOurs(t, manual);
  const ids = ["a", "b", "c"];
  for (const id of ids) await store.set(id, { id });
  const objects = ids.map((id) => store.get(id));
  const same = () => ids.every((id, at) => store.get(id) === objects[at]);
  await store.set("a", { other: 1 });
  await store.set("a", { other: 2 });
  await store.delete("b");
  t.not(store.get("a"), objects[0]);
  for (let n = 0; n < 3; n++) t.true(await store.undo());
  t.true(same());
  const batch = store.batch(() => {
    store.set("a", {});
    store.delete("c");
    throw rejected;
  });
  await t.throwsAsync(batch, { is: rejected });
  t.true(same());
  t.deepEqual(store.all(), objects);
  await store.batch(() => {
    store.set("a", {});
    store.set("a", {});
    store.delete("b");
  });
  store.all();
  for (let n = 0; n < 3; n++) t.true(await store.undo());
  t.true(same());
  t.true(store.all().every((object, at) => object === objects[at]));
  await Promise.all([store.set("a", {}), store.set("b", {}), store.delete("c")]);
  for (let n = 0; n < 3; n++) t.true(await store.undo());
  t.true(same());
});
