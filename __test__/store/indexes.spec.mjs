import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

  test(`records whose lists hold no value, in ${kind}, may be many under a unique index`, async (t) => {
    const indexes = { "emails.address": { unique: true }, "team,tags": { unique: true } };
    const store = await open(await temporaryFolder(t), { indexes });
    t.teardown(() => store.close());
    const kept = [
      { emails: [] },
      { emails: [{ kind: "home" }] },
      { emails: [{ address: null }, {}] },
      [1],
      [[]],
    ];
    for (const n of [1, 2]) for (const [at, value] of kept.entries()) await store.set(`${n} ${at}`, value);
    for (const n of [1, 2]) await store.set(`tags ${n}`, { team: "red", tags: [] });
    await store.compact();
    for (const n of [3, 4]) await store.set(`tags ${n}`, { team: "red", tags: [null] });
    t.is(store.count(), 14);
    await store.set("a", { emails: [{ address: "a@b.c" }] });
    const taken = store.set("b", { emails: [{}, { address: "a@b.c" }] });
    await t.throwsAsync(taken, { code: "OPSLOG_NOT_UNIQUE" });
  });

  test(`a record with many combinations of values under a unique index over several fields, in ${kind}, is checked as others are`, async (t) => {
    const store = await open(await temporaryFolder(t), { indexes: { "left,right": { unique: true } } });
    t.teardown(() => store.close());
    const from = (first) => Array.from({ length: 20 }, (_, n) => first + n);
    const refused = async (id, otherId, value) => {
      const error = await t.throwsAsync(store.set(id, value), { code: "OPSLOG_NOT_UNIQUE" });
      t.like(error, { id, otherId, index: "left,right" });
      t.false(store.has(id));
    };
    const expectAll = async () => {
      // Beside a large record: a small one, and another large one.
      await refused("x", "large", { left: 3, right: 104 });
      await refused("x", "large", { left: [500, 19], right: [600, 119] });
      await refused("x", "large", { left: from(19), right: from(119) });
      // Beside a small record a large one.
      await refused("x", "small", { left: from(990), right: from(1990) });
      // The lists themselves are no value of both.
      await store.set("y", { left: from(0), right: from(300) });
      await store.set("y", { left: from(300), right: from(100) });
      await store.set("y", { left: 3, right: 120 });
      await store.delete("y");
    };
    await store.set("large", { left: from(0), right: from(100) });
    await store.set("small", { left: 1000, right: 2000 });
    await expectAll();
    await store.compact();
    await expectAll();
    // The same record is not in its own way.
    await store.set("large", { left: from(1), right: from(101) });
    await store.set("x", { left: 0, right: 100 });
    t.deepEqual(await store.find({ left: 3, right: 104 }), [{ left: from(1), right: from(101) }]);
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

/** A closed store whose snapshot is large enough for files of indexes, and the paths of those. */
async function withFiles(t, indexes) {
  const folder = await temporaryFolder(t);
  const store = await openWith(folder, { indexes });
  const note = "x".repeat(600);
  await store.batch(() => {
    for (let n = 0; n < 2500; n++) store.set(`r${n}`, { n, group: `g${n % 250}`, note });
  });
  await store.compact();
  await store.close();
  const names = (await readdir(join(folder, "index"))).filter((name) => name.endsWith(".tree"));
  return { folder, files: names.map((name) => join(folder, "index", name)) };
}

async function assertRight(t, store) {
  const found = await store.find({ group: "g7" });
  t.deepEqual(
    found.map(({ n }) => n),
    Array.from({ length: 10 }, (_, at) => 7 + 250 * at),
  );
  t.is(await store.countWhere({ n: { $gte: 100, $lt: 130 } }), 30);
  const page = await store.find({}, { sort: { n: -1 }, skip: 5, limit: 3 });
  t.deepEqual(
    page.map(({ n }) => n),
    [2494, 2493, 2492],
  );
}

test("a file of an index, damaged in any page, gives no wrong answer, is told by verify(), and is made again", async (t) => {
  const { folder, files } = await withFiles(t, { group: {}, n: {} });
  t.is(files.length, 2);
  t.true((await Store.verify(folder)).ok);
  for (const file of files) {
    const sound = await readFile(file);
    for (let at = 100; at < sound.length; at += 4096) {
      const damaged = Buffer.from(sound);
      damaged[at] ^= 1;
      await writeFile(file, damaged);
      const reader = await openWith(folder, { readOnly: true, indexes: { group: {}, n: {} } });
      await assertRight(t, reader);
      await reader.whenIndexed();
      await assertRight(t, reader);
      await reader.close();
    }
    await writeFile(file, sound.subarray(0, sound.length - 1));
    const { damage } = await Store.verify(folder);
    t.like(
      damage.find(({ path }) => path === file),
      { remedy: "rebuild", current: true },
    );
  }
  const writer = await openWith(folder, { indexes: { group: {}, n: {} } });
  await writer.whenIndexed();
  await assertRight(t, writer);
  t.is((await writer.explain({ group: "g7" })).records, 10);
  await writer.close();
  t.true((await Store.verify(folder)).ok);
});

test("a damaged file of an index over few records, is written again by the query that comes upon it", async (t) => {
  const { folder, files } = await withFiles(t, { group: {} });
  const damaged = await readFile(files[0]);
  damaged[5000] ^= 1;
  await writeFile(files[0], damaged);
  const writer = await openWith(folder, { indexes: { group: {} } });
  await assertRight(t, writer);
  await assertRight(t, writer);
  t.true((await Store.verify(folder)).ok);
  await writer.close();
});

test("a file of an index that was made from another snapshot, is not used, and told by verify()", async (t) => {
  const { folder, files } = await withFiles(t, { group: {} });
  const former = await readFile(files[0]);
  const store = await openWith(folder, { indexes: { group: {} } });
  await store.set("r7", { n: 7, group: "moved" });
  await store.compact();
  await store.close();
  const names = (await readdir(join(folder, "index"))).filter((name) => name.endsWith(".tree"));
  await writeFile(join(folder, "index", names.at(-1)), former);
  t.false((await Store.verify(folder)).ok);
  const again = await openWith(folder, { indexes: { group: {} } });
  await again.whenIndexed();
  t.is(await again.countWhere({ group: "g7" }), 9);
  await again.close();
  t.true((await Store.verify(folder)).ok);
});

test("an open store with files of indexes, reads no record and follows its writer as a reader", async (t) => {
  const { folder } = await withFiles(t, { group: {}, n: {} });
  const store = await openWith(folder, { indexes: { group: {}, n: {} } });
  const reader = await openWith(folder, { readOnly: true, indexes: { group: {}, n: {} } });
  t.like(await store.explain({ group: "g7" }), { indexes: ["group"], keys: 10, records: 10, found: 10 });
  await store.set("r7", { n: 7, group: "moved" });
  await store.delete("r257");
  t.is(await store.countWhere({ group: "g7" }), 8);
  await reader.tail();
  t.is(await reader.countWhere({ group: "g7" }), 8);
  await store.compact();
  await reader.refresh();
  t.is(await reader.countWhere({ group: "g7" }), 8);
  t.deepEqual(await reader.find({ group: "moved" }, { fields: ["n"] }), [{ n: 7 }]);
  await reader.close();
  await store.close();
});

test("records with many combinations of values that came to be the same beside a unique index, are told by verify() once each", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  const from = (first) => Array.from({ length: 20 }, (_, n) => first + n);
  await store.set("small", { left: 5, right: 105 });
  await store.set("large", { left: from(0), right: from(100) });
  await store.set("other", { left: from(19), right: from(119) });
  await store.set("apart", { left: from(40), right: from(100) });
  await store.close();
  const { ok, duplicates } = await Store.verify(folder, { indexes: { "left,right": { unique: true } } });
  t.is(typeof ok, "boolean");
  const pairs = duplicates.map(({ ids }) => [...ids].sort().join(" ")).sort();
  t.deepEqual(pairs, ["large other", "large small"]);
});

test("values that came to be the same beside a unique index, are told by verify() with that index", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openWith(folder);
  await store.set("a", { email: "x" });
  await store.set("b", { email: ["y", "x"] });
  await store.close();
  const report = await Store.verify(folder, { indexes: { email: { unique: true }, name: {} } });
  t.false(report.ok);
  t.deepEqual(report.duplicates, [{ index: "email", ids: ["a", "b"], value: ["y", "x"] }]);
  t.is(report.damageCount, 0);
  t.is((await Store.verify(folder)).duplicates, undefined);
});

test("indexes that cannot be, are refused by open() with the name, and no folder is made", async (t) => {
  const folder = join(await temporaryFolder(t), "store");
  const cases = [
    [7, /option indexes must be an object/],
    [{ a: true }, /"a" must be an object of options/],
    [{ a: { unique: 1 } }, /"a": unique must be a boolean/],
    [{ "": {} }, /"" must be the path of a field/],
    [{ "a,,b": {} }, /"a,,b" must be the path of a field/],
    [{ "a, b": {} }, /"a, b" must be the path/],
    [{ "a..b": {} }, /"a..b" must be the path/],
    [{ $a: {} }, /"\$a" must be the path/],
    [{ "a,a": {} }, /"a,a" names a field twice/],
    [Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`f${n}`, {}])), /declares 65 indexes/],
  ];
  for (const [indexes, message] of cases) {
    const error = { code: "OPSLOG_INVALID_ARGUMENT", message };
    await t.throwsAsync(openWith(folder, { indexes }), error, JSON.stringify(indexes));
  }
  await t.throwsAsync(openWith(folder, { indexes: { a: { unique: true } }, skipLoad: true }), {
    code: "OPSLOG_INVALID_ARGUMENT",
    message: /skipLoad/,
  });
  await t.throwsAsync(readdir(folder), { code: "ENOENT" });
});
