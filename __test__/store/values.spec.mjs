import { access } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { reopened, storedEntries, temporaryFolder, walOperations } from "../helpers/store-folder.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const modes = ["immediate", "group", "async"];

function cycle() {
  const record = { n: 1 };
  record.self = record;
  return record;
}

const unstorable = {
  "plain undefined": undefined,
  null: null,
  "a function": () => {},
  "a symbol": Symbol("s"),
  "a BigInt": 1n,
  "a BigInt in a field": { n: 1n },
  "a cycle": cycle(),
  "a list of 50,000 levels": JSON.parse("[".repeat(50_000) + "]".repeat(50_000)),
  "an object whose toJSON() returns undefined": { toJSON: () => undefined },
};

test("set(), the value is nested too deeply, says so", async (t) => {
  const store = new Store();
  await store.open(":memory:");
  const error = await t.throwsAsync(store.set("a", unstorable["a list of 50,000 levels"]));
  t.is(error.message, "Value of record 'a' cannot be stored: it is nested too deeply");
  t.true(error.cause instanceof RangeError);
  await store.close();
});

for (const [title, value] of Object.entries(unstorable)) {
  test(`set(), the value is ${title}, rejects with OPSLOG_INVALID_VALUE and changes nothing`, async (t) => {
    for (const writeMode of modes) {
      const folder = await temporaryFolder(t);
      const store = new Store();
      await store.open(folder, { ...manual, writeMode, groupCommitMs: 60_000 });
      await store.set("a", { n: 1 });
      await t.throwsAsync(async () => store.set("a", value), { code: "OPSLOG_INVALID_VALUE" });
      await t.throwsAsync(async () => store.set("b", value), { code: "OPSLOG_INVALID_VALUE" });
      t.deepEqual(store.entries(), [["a", { n: 1 }]]);
      await store.set("c", { n: 2 });
      await store.flush();
      t.is((await walOperations(folder)).length, 2);
      await store.close();
      await t.throwsAsync(access(join(folder, ".lock")), { code: "ENOENT" });
      t.deepEqual(await storedEntries(Store, folder), [
        ["a", { n: 1 }],
        ["c", { n: 2 }],
      ]);
    }
  });

  test(`set() in batch(), the value is ${title}, throws there and the batch changes nothing`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, manual);
    await store.set("a", { n: 1 });
    const batch = store.batch(() => {
      store.set("b", { n: 2 });
      store.set("a", value);
    });
    await t.throwsAsync(batch, { code: "OPSLOG_INVALID_VALUE" });
    t.deepEqual(store.entries(), [["a", { n: 1 }]]);
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
  });
}

test("close() with a checkpoint, a cycle was refused before, resolves and the store opens again", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("a", { n: 1 });
  await t.throwsAsync(async () => store.set("b", cycle()), { code: "OPSLOG_INVALID_VALUE" });
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
});

const plainValues = [
  [[1], [1, 2]],
  [[1, 2], []],
  ["before", "after"],
  ["", "x"],
  [0, 1],
  [1.5, 0],
  [false, true],
  [true, false],
  [{ n: 1 }, [1]],
  [[1], { n: 1 }],
];

for (const [before, after] of plainValues) {
  const title = `${JSON.stringify(before)} to ${JSON.stringify(after)}`;
  test(`set(), an update from ${title}, is kept by undo() and a restart`, async (t) => {
    const folder = await temporaryFolder(t);
    await reopened(Store, folder, async (store) => {
      await store.set("a", before);
      await store.set("a", after);
      t.deepEqual(store.get("a"), after);
      t.true(await store.undo());
      t.deepEqual(store.get("a"), before);
      await store.set("a", after);
    });
    await reopened(Store, folder, async (store) => {
      t.deepEqual(store.get("a"), after);
      t.deepEqual(store.getHistory("a").at(-1).prev, before);
      t.true(await store.undo());
      t.deepEqual(store.get("a"), before);
      await store.delete("a");
      t.false(store.has("a"));
    });
    await reopened(Store, folder, async (store) => {
      t.false(store.has("a"));
      t.true(await store.undo());
      t.deepEqual(store.get("a"), before);
      await store.compact();
    });
    t.deepEqual(await storedEntries(Store, folder), [["a", before]]);
  });
}

for (const id of ["", 1, null, undefined, {}, Symbol("id")]) {
  const title = id === "" ? "empty" : `${String(id)}, no string`;
  test(`set(), the id is ${title}, rejects with OPSLOG_INVALID_ARGUMENT and changes nothing`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, manual);
    await t.throwsAsync(async () => store.set(id, { n: 1 }), { code: "OPSLOG_INVALID_ARGUMENT" });
    await t.throwsAsync(
      store.batch(() => store.set(id, { n: 1 })),
      { code: "OPSLOG_INVALID_ARGUMENT" },
    );
    t.is(store.count(), 0);
    t.deepEqual(await walOperations(folder), []);
    await store.close();
  });
}

test("get(), the record holds a Date, NaN and undefined, reads the same before and after a restart", async (t) => {
  const folder = await temporaryFolder(t);
  const record = { date: new Date(0), number: NaN, missing: undefined, list: [undefined, Infinity] };
  const written = { date: "1970-01-01T00:00:00.000Z", number: null, list: [null, null] };
  await reopened(Store, folder, async (store) => {
    await store.set("a", record);
    t.deepEqual(store.get("a"), written);
    t.deepEqual(store.all(), [written]);
    t.deepEqual(store.getOps()[0].data, written);
  });
  t.deepEqual(await storedEntries(Store, folder), [["a", written]]);
});

for (const writeMode of modes) {
  test(`set() in ${writeMode} mode, the caller changes its object afterwards, keeps what was given`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, { ...manual, writeMode, groupCommitMs: 60_000 });
    const record = { nested: { n: 1 } };
    const pending = store.set("a", record);
    record.nested.n = 2;
    await pending;
    record.added = true;
    const batched = { n: 1 };
    await store.batch(() => store.set("b", batched));
    batched.n = 2;
    t.deepEqual(store.get("a"), { nested: { n: 1 } });
    t.deepEqual(store.get("b"), { n: 1 });
    t.deepEqual(store.getOps()[0].data, { nested: { n: 1 } });
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), [
      ["a", { nested: { n: 1 } }],
      ["b", { n: 1 }],
    ]);
  });
}
