import test from "ava";
import fc from "fast-check";
import { Store } from "../../index.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const manual = { checkpointThreshold: Number.MAX_SAFE_INTEGER, checkpointOnClose: false };

async function opened(t, options) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { ...manual, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return { store, folder };
}

/** Sets a record that was looked at: a copy of the value takes the place of its object. */
async function update(store, id, value) {
  await store.set(id, { before: true });
  store.get(id);
  await store.set(id, value);
}

/** What JSON makes of a value, as a description that tells apart what a comparison may not. */
function described(value) {
  if (Array.isArray(value)) return ["list", ...value.map(described)];
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : value;
  const names = Reflect.ownKeys(value);
  return [
    Object.getPrototypeOf(value) === Object.prototype,
    names.map((name) => [String(name), described(value[name])]),
  ];
}

const asJson = (value) => JSON.parse(JSON.stringify(value));

/** Values that JSON changes, or may change. */
class Point {
  constructor(x) {
    this.x = x;
  }
}
const oddValues = {
  "negative zeros": { a: -0, b: [-0, 0], c: { d: -0 } },
  "numbers that are not finite": { a: NaN, b: [Infinity], c: -Infinity },
  "fields without a value": { a: undefined, b: { c: undefined }, d: 1 },
  "functions and symbols": { a() {}, b: Symbol("s"), [Symbol("name")]: 1, c: 2 },
  "symbols as names": { [Symbol("name")]: 1, c: { [Symbol("other")]: 2, d: 3 } },
  "a field __proto__": JSON.parse('{"__proto__":{"a":1},"b":{"__proto__":2}}'),
  "lists with gaps": { a: [1, , 3], b: [undefined, () => 1] }, // eslint-disable-line no-sparse-arrays
  "a list with fields of its own": { a: Object.assign([1, 2], { name: "x" }) },
  dates: { at: new Date(0), nested: [new Date(1)] },
  "a toJSON()": { a: { toJSON: () => ({ b: 1 }) } },
  "a toJSON() at the top": { toJSON: () => ({ b: 1 }), c: 2 },
  "a toJSON() of a list": { a: Object.assign([1], { toJSON: () => "list" }) },
  "an object of a class": { point: new Point(1), list: [new Point(-0)] },
  "a class at the top": new Point(2),
  "no prototype": { a: Object.assign(Object.create(null), { b: 1 }) },
  "an inherited field": Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true } }),
  "what is not enumerable": Object.defineProperty({ a: 1 }, "hidden", { value: 2 }),
  "a Map and a Set": { map: new Map([[1, 2]]), set: new Set([1]) },
  "boxed values": { a: new Number(-0), b: new String("s"), c: [new Boolean(false)] },
  bytes: { a: new Uint8Array([1, 2]), b: Buffer.from("x") },
  "names in another order": { b: 1, 10: 2, a: 3, 2: 4, "-1": 5 },
  "lone surrogates": { "\ud800": "\udc00", list: ["\ud800x"] },
  "a Proxy": new Proxy({ a: 1, b: [new Proxy([-0], {})] }, {}),
  "a subclass of Array": { list: new (class extends Array {})(3).fill(1) },
  "many fields": Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`f${n}`, n])),
  "a long list": Array.from({ length: 5000 }, (_, n) => n),
  "deep nesting": Array.from({ length: 200 }).reduce((inner) => ({ inner, n: -0 }), {}),
};

for (const [which, value] of Object.entries(oddValues)) {
  test(`get() right after set() and of an update, the value has ${which}, returns what JSON makes of it`, async (t) => {
    const { store } = await opened(t);
    const expected = described(asJson(value));
    await store.set("a", value);
    t.deepEqual(described(store.get("a")), expected);
    await store.set("a", { other: 1 });
    store.get("a");
    await store.set("a", value);
    t.deepEqual(described(store.get("a")), expected);
    await store.batch(() => {
      store.set("b", value);
      t.deepEqual(described(store.get("b")), expected);
    });
    t.deepEqual(described(store.all().at(-1)), expected);
  });
}

test("get() right after an update, any value, returns what a restart returns", async (t) => {
  const { store, folder } = await opened(t);
  let next = 0;
  const kept = new Map();
  const options = {
    withDate: true,
    withNullPrototype: true,
    withSparseArray: true,
    withMap: true,
    withBoxedValues: true,
  };
  const record = fc.object({ ...options, withTypedArray: true, maxDepth: 4 });
  await fc.assert(
    fc.asyncProperty(record, async (value) => {
      const id = `id-${(next += 1)}`;
      await update(store, id, value);
      kept.set(id, described(store.get(id)));
      t.deepEqual(kept.get(id), described(asJson(value)));
    }),
    { numRuns: 2000, seed: 7 },
  );
  await store.close();
  await store.open(folder, manual);
  for (const [id, expected] of kept) t.deepEqual(described(store.get(id)), expected);
});

// Alone: what other tests make while it waits would have the fields too.
test.serial(
  "set(), Object.prototype has further fields and a toJSON(), stores and returns what JSON makes of the value",
  async (t) => {
    const { store } = await opened(t);
    const value = () => ({ a: 1, nested: { b: [1] } });
    Object.prototype.further = -0;
    try {
      await update(store, "a", value());
      t.deepEqual(Object.keys(store.get("a")), ["a", "nested"]);
      t.false(Object.hasOwn(store.get("a").nested, "further"));

      Object.prototype.toJSON = function toJSON() {
        return "changed";
      };
      await update(store, "b", value());
    } finally {
      delete Object.prototype.further;
      delete Object.prototype.toJSON;
    }
    t.is(store.get("b"), "changed");
  },
);

test("set(), a getter returns another value each time, stores and returns the same one", async (t) => {
  const { store, folder } = await opened(t);
  let calls = 0;
  const value = {
    get n() {
      return (calls += 1);
    },
  };
  await update(store, "a", value);
  const { n } = store.get("a");
  await store.close();
  await store.open(folder, manual);
  t.is(store.get("a").n, n);
});

test("set(), a getter of a list makes it longer, stores and returns what JSON makes of it", async (t) => {
  const { store } = await opened(t);
  const value = () => {
    const list = [0, 1];
    Object.defineProperty(list, 0, { enumerable: true, get: () => list.push(2) });
    return { list };
  };
  await update(store, "a", value());
  t.deepEqual(store.get("a"), asJson(value()));
});

test("set(), a getter throws, rejects with OPSLOG_INVALID_VALUE and changes nothing", async (t) => {
  const { store } = await opened(t);
  await store.set("a", { n: 1 });
  store.get("a");
  const value = {
    get n() {
      throw new Error("no value");
    },
  };
  await t.throwsAsync(store.set("a", value), { code: "OPSLOG_INVALID_VALUE", message: /no value/ });
  t.deepEqual(store.get("a"), { n: 1 });
});

test("set(), what was given is changed afterwards, or what get() returned, keeps what was set", async (t) => {
  const { store } = await opened(t);
  const given = { list: [1], nested: { n: 1 } };
  await store.set("a", given);
  given.list.push(2);
  given.nested.n = 2;
  t.deepEqual(store.get("a"), { list: [1], nested: { n: 1 } });
  const held = store.get("a");
  await store.set("a", { ...held, more: true });
  held.list.push(3);
  t.deepEqual(store.get("a"), { list: [1], nested: { n: 1 }, more: true });
  t.not(store.get("a").list, held.list);
});

test("objects that get() returned stay the same ones while a store that was empty grows", async (t) => {
  const { store } = await opened(t);
  await store.set("first", { n: -1 });
  const first = store.get("first");
  for (let from = 0; from < 30_000; from += 1000) {
    await store.batch(() => {
      for (let n = from; n < from + 1000; n++) store.set(`id-${n}`, { n });
    });
    t.is(store.get("first"), first);
    t.is(store.count(), from + 1001);
    t.is(store.get("id-none"), undefined);
    t.is(store.get(`id-${from}`).n, from);
    t.true(store.has(`id-${from + 999}`));
  }
  const all = store.entries();
  t.is(all[0][1], first);
  t.deepEqual(
    all.slice(1).map(([id, { n }]) => [id, n]),
    Array.from({ length: 30_000 }, (_, n) => [`id-${n}`, n]),
  );
});

test("a store that was empty grows within a batch that fails, is as it was before", async (t) => {
  const { store } = await opened(t);
  await store.set("a", { n: 1 });
  const first = store.get("a");
  await store.set("b", { n: 2 });
  await t.throwsAsync(
    store.batch(() => {
      store.set("a", { n: 3 });
      store.delete("b");
      for (let n = 0; n < 20_000; n++) store.set(`id-${n}`, { n });
      t.is(store.get("id-19999").n, 19_999);
      throw new Error("no");
    }),
    { message: "no" },
  );
  t.is(store.get("a"), first);
  t.deepEqual(store.entries(), [
    ["a", { n: 1 }],
    ["b", { n: 2 }],
  ]);
  t.is(store.count(), 2);
});

test("filter() within a batch that lets an empty store grow, its predicate changes records, sees each change", async (t) => {
  for (const already of [9980, 9990, 9995, 10_000]) {
    const { store } = await opened(t);
    await store.batch(() => {
      for (let n = 0; n < already; n++) store.set(`id-${n}`, { n });
    });
    const changed = [];
    const added = [];
    await store.batch(() => {
      store.filter(({ n, isNew, isChanged }) => {
        if (isNew) return added.push(n);
        if (isChanged) return changed.push(n);
        if (n >= 15) return false;
        store.set(`new-${n}`, { n, isNew: true });
        store.set(`id-${already - 15 + n}`, { n, isChanged: true });
        return true;
      });
    });
    const all = Array.from({ length: 15 }, (_, n) => n);
    t.deepEqual([changed, added], [all, all], `${already} records`);
  }
});

test("undo() of an update and of a create in a store that was empty, returns the objects that were there", async (t) => {
  const { store } = await opened(t);
  await store.set("a", { n: 1 });
  const first = store.get("a");
  await store.set("a", { n: 2 });
  await store.set("b", { n: 3 });
  t.deepEqual(store.all(), [{ n: 2 }, { n: 3 }]);
  await store.undo();
  t.false(store.has("b"));
  await store.undo();
  t.is(store.get("a"), first);
  t.deepEqual(store.entries(), [["a", { n: 1 }]]);
});

test("filter() of a store that was empty, its predicate sets and deletes records, sees what was there at first", async (t) => {
  const { store } = await opened(t);
  for (let n = 0; n < 100; n++) await store.set(`id-${n}`, { n });
  const writes = [];
  const found = store.filter(({ n }) => {
    writes.push(store.set(`id-${(n + 50) % 100}`, { n: n + 1000 }), store.set(`new-${n}`, { n }));
    if (n % 10 === 0) writes.push(store.delete(`id-${(n + 5) % 100}`));
    return true;
  });
  t.deepEqual(
    found.map(({ n }) => n),
    Array.from({ length: 100 }, (_, n) => n),
  );
  await Promise.all(writes);
  t.is(store.get("new-99").n, 99);
});

test("get() of records that are updated over and over without a look, returns the newest value", async (t) => {
  const { store } = await opened(t);
  for (let n = 0; n < 20_000; n++) await store.batch(() => store.set(`id-${n % 3}`, { n }));
  t.deepEqual(
    ["id-0", "id-1", "id-2"].map((id) => store.get(id).n),
    [19_998, 19_999, 19_997],
  );
});
