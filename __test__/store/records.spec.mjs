import { readFile, writeFile } from "node:fs/promises";
import test from "ava";
import { Store } from "../../index.mjs";
import { currentSnapshot, temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const RECORDS = 20_000;
const manual = { checkpointThreshold: Number.MAX_SAFE_INTEGER, checkpointOnClose: false };

/** A folder with many records in its snapshot, which has an index file. */
async function filledFolder(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  await store.batch(() => {
    for (let n = 0; n < RECORDS; n++) store.set(`id-${n}`, { n, text: "x".repeat(50) });
  });
  await store.compact();
  await store.close();
  return folder;
}

async function openFilled(t, options) {
  const folder = await filledFolder(t);
  const store = new Store();
  await store.open(folder, { ...manual, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return { store, folder };
}

const numbers = (records) => records.map(({ n }) => n);
const every = (step) => Array.from({ length: RECORDS / step }, (_, i) => i * step);

for (const cacheSize of [undefined, 7]) {
  const which = cacheSize === undefined ? "all objects may be kept" : `at most ${cacheSize} objects are kept`;

  test(`filter(), ${which}, finds the same in the same order time after time`, async (t) => {
    const { store } = await openFilled(t, { cacheSize });
    await store.set("id-1", { n: 1000 });
    await store.delete("id-0");
    await store.set("new", { n: RECORDS });
    const expected = [1000, ...every(1000).slice(1), RECORDS];
    for (let call = 0; call < 4; call++) {
      t.deepEqual(numbers(store.filter(({ n }) => n % 1000 === 0)), expected);
      t.is(
        store.count(({ n }) => n % 1000 === 0),
        expected.length,
      );
    }
    t.is(store.all().length, RECORDS);
    t.is(store.entries().length, RECORDS);
    t.deepEqual(store.entries().at(-1), ["new", { n: RECORDS }]);
  });

  test(`filter(), ${which}, the predicate sets and deletes, sees what was there at first`, async (t) => {
    const { store } = await openFilled(t, { cacheSize });
    for (let call = 0; call < 3; call++) {
      const before = store.count();
      const writes = [];
      let seen = 0;
      const found = store.filter(({ n }, id) => {
        seen++;
        if (n === 5) {
          writes.push(store.set(`id-${RECORDS - 1}`, { n: -1 - call }));
          writes.push(store.delete(`id-${RECORDS - 2 - call}`));
          writes.push(store.set(`added-${call}`, { n: -2 }));
        }
        return id === `id-${RECORDS - 1}`;
      });
      t.is(seen, before);
      t.deepEqual(numbers(found), [call === 0 ? RECORDS - 1 : -call]);
      await Promise.all(writes);
      t.is(store.get(`id-${RECORDS - 1}`).n, -1 - call);
      t.is(store.get(`id-${RECORDS - 2 - call}`), undefined);
      t.is(store.count(), before);
    }
  });

  test(`filter(), ${which}, the predicate walks over all records itself, both see everything`, async (t) => {
    const { store } = await openFilled(t, { cacheSize });
    for (let call = 0; call < 3; call++) {
      let inner = 0;
      const found = store.filter(({ n }) => {
        if (n === 7 || n === 15_000) inner += store.count(() => true) + store.filter(() => false).length;
        return n % 1000 === 0;
      });
      t.is(inner, 2 * RECORDS);
      t.deepEqual(numbers(found), every(1000));
    }
  });

  test(`filter(), ${which}, the predicate throws, leaves the store as it was`, async (t) => {
    const { store } = await openFilled(t, { cacheSize });
    t.throws(() => store.filter(({ n }) => (n === 9 ? undefined.member : false)), {
      instanceOf: TypeError,
    });
    await store.set("id-3", { n: 3000 });
    t.is(store.filter(({ n }) => n === 3000).length, 2);
  });

  test(`filter(), ${which}, a checkpoint is published meanwhile, finds all`, async (t) => {
    const { store } = await openFilled(t, { cacheSize });
    for (let round = 0; round < 4; round++) {
      await store.set(`id-${round}`, { n: round });
      const checkpoint = store.compact();
      await null;
      const start = performance.now();
      let found = 0;
      for (let walk = 0; walk < 3; walk++) {
        // Slow enough for the other thread to get ahead.
        found = store.filter(({ n }) => n % 2000 === 0 && performance.now() > start).length;
        t.is(found, RECORDS / 2000);
      }
      await checkpoint;
      t.is(store.filter(({ n }) => n % 2000 === 0).length, RECORDS / 2000);
    }
  });
}

test("filter(), the predicate walks over all records itself, or changes others, returns the objects that get() returns", async (t) => {
  for (const meddle of [
    (store) => store.all(),
    (store) => store.set("id-8", { n: -8 }),
    (store) => store.delete("id-8"),
  ]) {
    const { store } = await openFilled(t);
    const early = store.get("id-8000");
    let done;
    const found = store.filter(({ n }) => {
      if (n === 4000) done = meddle(store);
      return n % 2000 === 0 && n > 0;
    });
    t.deepEqual(numbers(found), every(2000).slice(1));
    t.is(found[3], early);
    for (const record of found) t.is(store.get(`id-${record.n}`), record);
    await done;
  }
});

for (const isFound of [true, false]) {
  const what = isFound ? "returns" : "does not return";
  everywhere(
    `filter(), the predicate reads the record that it is called with and ${what} it, get() returns the same object from then on`,
    async (t) => {
      for (const read of [
        (store) => store.get("id-4000"),
        (store) => store.getMany(["id-0", "id-4000"])[1],
        (store) => store.all()[4000],
        (store) => store.filter(({ n }) => n === 4000)[0],
      ]) {
        const { store } = await openFilled(t);
        let given, got;
        const found = store.filter((record, id) => {
          if (id !== "id-4000") return false;
          given = record;
          got = read(store);
          return isFound;
        });
        t.is(got, given);
        t.is(store.get("id-4000"), given);
        t.is(found[0], isFound ? given : undefined);
      }
    },
  );
}

everywhere(
  "filter(), the predicate changes records that were not read since they last changed, sees what was there at first",
  async (t) => {
    const store = new Store();
    await store.open(await temporaryFolder(t), manual);
    for (const id of ["a", "b", "c"]) await store.set(id, { n: 1 });
    t.is(store.all().length, 3);
    await Promise.all([store.set("b", { n: 2 }), store.set("c", { n: 3 })]);
    const later = [];
    const found = store.filter((record, id) => {
      if (id === "a") later.push(store.set("b", { n: 20 }), store.delete("c"));
      return true;
    });
    t.deepEqual(numbers(found), [1, 2, 3]);
    await Promise.all(later);
    t.deepEqual(numbers(store.all()), [1, 20]);
    await store.close();
  },
);

everywhere(
  "filter(), the predicate changes another record first, its objects are the ones that get() returns",
  async (t) => {
    for (const isReadBefore of [true, false]) {
      const store = new Store();
      await store.open(await temporaryFolder(t), manual);
      for (const id of ["a", "b", "c"]) await store.set(id, { id });
      t.is(store.all().length, 3);
      await store.set("c", { id: "c" });
      let done, given, got;
      const [found] = store.filter((record, id) => {
        if (id === "a") done = store.set("b", {});
        if (id === "b" && isReadBefore) got = store.get("c");
        if (id === "c") given = record;
        got ??= given && store.get("c");
        return id === "c";
      });
      t.is(got, given);
      t.is(found, given);
      t.is(store.get("c"), given);
      await done;
      await store.close();
    }
  },
);

everywhere("filter(), its objects, are the ones that get() returns", async (t) => {
  const { store } = await openFilled(t);
  const early = store.get("id-4000");
  const found = store.filter(({ n }) => n % 4000 === 0);
  t.is(found[1], early);
  for (const record of found) t.is(store.get(`id-${record.n}`), record);
  const again = store.filter(({ n }) => n % 4000 === 0);
  for (const [index, record] of again.entries()) t.is(record, found[index]);
  t.is(store.all()[4000], early);
});

test("get() with a cacheSize, keeps the objects that were asked for last", async (t) => {
  const { store } = await openFilled(t, { cacheSize: 3 });
  const [a, b, c] = ["id-1", "id-2", "id-3"].map((id) => store.get(id));
  t.is(store.get("id-1"), a);
  store.get("id-4");
  t.is(store.get("id-1"), a);
  t.is(store.get("id-3"), c);
  t.not(store.get("id-2"), b);
  t.deepEqual(store.get("id-2"), b);
  await store.set("id-3", { n: 33 });
  t.deepEqual(store.get("id-3"), { n: 33 });
});

test("filter() of a snapshot that was damaged after its index was made, throws OPSLOG_CORRUPT with path and offset", async (t) => {
  const folder = await filledFolder(t);
  const path = await currentSnapshot(folder);
  const content = await readFile(path);
  const offset = content.indexOf('{"id":"id-9000"');
  content.write("#", offset + '{"id":"id-9000","data":{'.length);
  await writeFile(path, content);
  const store = new Store();
  await store.open(folder, { readOnly: true });
  const error = t.throws(() => store.filter(() => false), { code: "OPSLOG_CORRUPT" });
  t.true(error.message.includes(path), error.message);
  t.true(error.message.includes(String(offset)), error.message);
  t.is(store.get("id-8999").n, 8999);
  await store.close();
});
