import test from "ava";
import { Store } from "../../index.mjs";
import { compareIndexed } from "../queries/compare.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

test("find(), countWhere(), sort, skip and limit by indexes find what mingo and a walk find", async (t) => {
  const folderOf = () => temporaryFolder(t);
  const result = await compareIndexed({ Store, seed: 20_261_130, rounds: 12, folderOf });
  t.deepEqual(result.differences.slice(0, 3), []);
  t.true(result.byIndex > 100, String(result.byIndex));
  t.true(result.inOrder > 20, String(result.inOrder));
});

/** Opens a store of each kind that holds records, with indexes. */
const kinds = {
  "a folder": (folder, options) => openWith(folder, options),
  "a folder with a checkpoint at every tenth operation": (folder, options) =>
    openWith(folder, { ...options, checkpointThreshold: 10 }),
  "a folder in group mode": (folder, options) => openWith(folder, { ...options, writeMode: "group" }),
  "a folder with syncs": (folder, options) => openWith(folder, { ...options, durability: "always" }),
  ":memory:": (_, options) => openWith(":memory:", options),
  "a backend": (_, options) => openWith("somewhere", { ...options, backend: memoryBackend(memoryBucket()) }),
};

async function openWith(folder, options) {
  const store = new Store();
  await store.open(folder, options);
  return store;
}

const people = { email: { unique: true }, tags: {}, "team,age": {} };

for (const [kind, open] of Object.entries(kinds)) {
  test(`a value that another record has under a unique index, in ${kind}, is refused and changes nothing`, async (t) => {
    const store = await open(await temporaryFolder(t), { indexes: people });
    t.teardown(() => store.close());
    await store.set("u1", { email: "a@b.c" });
    const expected = { code: "OPSLOG_NOT_UNIQUE", message: /'u2'.*'u1'.*email/ };
    const error = await t.throwsAsync(store.set("u2", { email: "a@b.c" }), expected);
    t.like(error, { index: "email", id: "u2", otherId: "u1", value: "a@b.c" });
    t.false(store.has("u2"));
    // The same record, no value and null are no conflict.
    await store.set("u1", { email: "a@b.c", age: 2 });
    await Promise.all([store.set("u3", {}), store.set("u4", { email: null }), store.set("u5", 7)]);
    await store.set("u2", { email: "b@b.c" });
    await t.throwsAsync(store.patch("u2", { email: "a@b.c" }), { code: "OPSLOG_NOT_UNIQUE" });
    await t.throwsAsync(
      store.batch(() => {
        store.set("u6", { email: "x" });
        store.set("u7", { email: "x" });
      }),
      { code: "OPSLOG_NOT_UNIQUE" },
    );
    t.false(store.has("u6"));
    await t.throwsAsync(
      store.transaction((tx) => {
        tx.insert("u8", { email: "y" });
        tx.insert("u9", { email: "b@b.c" });
      }),
      { code: "OPSLOG_NOT_UNIQUE" },
    );
    t.false(store.has("u8"));
    // What is free again may be taken: after a deletion, a change, and an undo of either.
    await store.delete("u1");
    await store.set("u8", { email: "a@b.c" });
    await t.throwsAsync(store.set("u9", { email: "a@b.c" }), { code: "OPSLOG_NOT_UNIQUE" });
    await store.undo();
    await store.set("u9", { email: "a@b.c" });
    await store.compact();
    await t.throwsAsync(store.set("u8", { email: "a@b.c" }), { code: "OPSLOG_NOT_UNIQUE" });
    await store.set("u9", { email: ["c", "d"] });
    await t.throwsAsync(store.set("u8", { email: "d" }), { code: "OPSLOG_NOT_UNIQUE" });
    const two = [store.set("u10", { email: "new" }), store.set("u11", { email: "new" })];
    t.deepEqual(
      (await Promise.allSettled(two)).map(({ status }) => status),
      ["fulfilled", "rejected"],
    );
    t.deepEqual(await store.find({ email: "new" }), [{ email: "new" }]);
  });

  test(`find() and explain() by an index, in ${kind}, follow sets, deletions, batches, undo, archive and checkpoints`, async (t) => {
    const store = await open(await temporaryFolder(t), { indexes: people });
    t.teardown(() => store.close());
    const expect = async (query, ids) => {
      const found = await store.find(query);
      t.deepEqual(found.map(({ id }) => id).join(" "), ids);
      t.is(await store.countWhere(query), found.length);
      t.is((await store.explain(query)).indexes.length, 1);
    };
    const put = (id, fields) => store.set(id, { id, ...fields });
    for (let n = 0; n < 30; n++)
      await put(`p${n}`, { team: `t${n % 10}`, age: n, tags: [`even${n % 2}`, n] });
    await expect({ team: "t3" }, "p3 p13 p23");
    await expect({ tags: 7 }, "p7");
    await put("p13", { team: "t4", age: 1 });
    await expect({ team: "t3" }, "p3 p23");
    await expect({ team: "t4", age: { $lt: 10 } }, "p4 p13");
    await store.delete("p3");
    await expect({ team: "t3" }, "p23");
    await store.undo();
    await expect({ team: "t3" }, "p3 p23");
    await store.undo();
    await expect({ team: "t3" }, "p3 p13 p23");
    await t.throwsAsync(
      store.batch(() => {
        store.delete("p13");
        throw new Error("taken back");
      }),
    );
    await store.compact();
    await expect({ team: "t3" }, "p3 p13 p23");
    await store.delete("p3");
    await put("p3", { team: "t3" });
    await expect({ team: "t3" }, "p13 p23 p3");
    await store.archive((record) => record.id === "p23");
    await expect({ team: "t3" }, "p13 p3");
    await store.clear();
    await expect({ team: "t3" }, "");
  });
}

test("pages by an index, of a folder and of memory, come in order with ties as they stand in the store", async (t) => {
  for (const folder of [await temporaryFolder(t), ":memory:"]) {
    const store = await openWith(folder, { indexes: { n: {} }, checkpointThreshold: Infinity });
    const all = Array.from({ length: 3000 }, (_, i) => ({ i, n: (i * 7919) % 100 }));
    await store.batch(() => all.forEach((record) => store.set(`r${record.i}`, record)));
    await store.whenIndexed();
    const check = async () => {
      for (const direction of [1, -1]) {
        const expected = store.all().sort((one, other) => direction * (one.n - other.n));
        const options = { sort: { n: direction }, skip: 1000, limit: 50 };
        t.deepEqual(await store.find({}, options), expected.slice(1000, 1050));
        t.true((await store.explain({}, options)).isSortedByIndex);
      }
    };
    await check();
    await store.compact();
    await check();
    await store.set("r5", { i: 5, n: 50 });
    await store.delete("r6");
    await store.set("r6", { i: 6, n: 50 });
    await check();
    await store.close();
  }
});
