/** find(), findOne() and countWhere(): against mingo, on every kind of store, and what they refuse. */
import { join } from "node:path";
import { Query } from "mingo";
import test from "ava";
import { Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { compareWithMingo } from "../queries/compare.mjs";
import { randomNumbers } from "../queries/random.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

test("find() and countWhere() of 50,000 random pairs of documents and queries, find what mingo finds", async (t) => {
  t.timeout(300_000);
  const root = await temporaryFolder(t);
  // The documents are appended to logs, so it is a folder each time.
  const folderOf = (round) => join(root, String(round));
  const result = await compareWithMingo({ Store, seed: 20_261_129, rounds: 20, folderOf });
  t.deepEqual(result.differences, []);
  t.true(result.pairs >= 50_000 && result.found > 5000, JSON.stringify(result));
});

const scalars = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  "",
  "a",
  "ab",
  "B",
  "\u{1F600}",
  "\uFFFD",
  { x: 1 },
  { x: 2 },
  {},
];

/** Objects whose fields stand in the order of their names. */
function inOrder(value) {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, inOrder(value[name])]));
}

everywhere("sort, skip, limit and fields of 300 random selections, are mingo's", async (t) => {
  const { store } = await openOurs(t);
  const { next, below, pick } = randomNumbers(11);
  const nested = (depth) => {
    if (depth === 0 || next() < 0.3) return pick(scalars);
    if (next() < 0.5) return Array.from({ length: below(3) }, () => nested(depth - 1));
    return { b: nested(depth - 1), c: nested(depth - 1) };
  };
  for (let round = 0; round < 300; round++) {
    const some = () => (next() < 0.15 ? undefined : pick(scalars));
    const documents = Array.from({ length: 30 }, (_, n) => ({
      a: some(),
      b: some(),
      n,
      d: nested(2),
      _id: n,
    }));
    await store.batch(() => documents.forEach((document, n) => store.set(String(n), document)));
    const sort = {};
    for (let left = 1 + below(2); left > 0; left--) sort[pick(["a", "b", "n"])] = pick([1, -1]);
    const skip = next() < 0.5 ? below(20) : undefined;
    const limit = next() < 0.5 ? 1 + below(20) : undefined;
    const fields = pick([
      undefined,
      ["a"],
      ["n", "d.b"],
      { a: 0 },
      { "d.b": 0 },
      { "d.c": 1, n: 1 },
      { d: 0, a: 0 },
    ]);
    const named = Array.isArray(fields) ? Object.fromEntries(fields.map((name) => [name, 1])) : fields;
    const isChosen = Object.values(named ?? {}).includes(1);
    const cursor = new Query({}).find(store.all(), isChosen ? { ...named, _id: 0 } : named).sort(sort);
    if (skip !== undefined) cursor.skip(skip);
    if (limit !== undefined) cursor.limit(limit);
    const found = await store.find({}, { sort, skip, limit, fields });
    t.deepEqual(inOrder(found), inOrder(cursor.all()), JSON.stringify({ sort, skip, limit, fields }));
  }
});

const carriers = {
  "a folder": () => ({}),
  "a folder in group mode": () => ({ writeMode: "group" }),
  "a folder with a small cache": () => ({ cacheSize: 2 }),
  "an agent": () => ({ agentId: "one" }),
  "a backend": () => ({ backend: memoryBackend(memoryBucket()) }),
};

for (const [carrier, options] of Object.entries(carriers)) {
  test(`find() in ${carrier}, sees what was called before and nothing that comes later`, async (t) => {
    const { store } = await openOurs(t, options());
    await store.batch(() => {
      for (let n = 0; n < 3000; n++) store.set(`r${n}`, { n, even: n % 2 === 0, pad: "x".repeat(500) });
    });
    await store.compact();
    store.set("late", { n: 1, even: true });
    const finding = store.find({ even: true }, { fields: ["n"] });
    const writes = [];
    for (let n = 0; n < 3000; n += 3) writes.push(store.set(`r${n}`, { n, even: n % 2 === 1 }));
    writes.push(store.delete("r1"), store.undo());
    const found = await finding;
    await Promise.all(writes);
    t.is(found.length, 1501);
    t.deepEqual(found.at(-1), { n: 1 });
    t.is(
      await store.countWhere({ even: true }),
      store.count(({ even }) => even),
    );
  });

  test(`find() in ${carrier}, gives objects of its own`, async (t) => {
    const { store } = await openOurs(t, options());
    await store.set("a", { list: [1] });
    const [found] = await store.find({ list: 1 });
    found.list.push(2);
    t.deepEqual(store.get("a"), { list: [1] });
    t.deepEqual(await store.findOne({ list: 1 }), { list: [1] });
    t.is(await store.findOne({ list: 3 }), undefined);
  });
}

test("find() of a reader and after a restart, finds what the writer's finds", async (t) => {
  const { store, folder } = await openOurs(t);
  for (let n = 0; n < 50; n++) await store.set(`r${n}`, { n });
  const { store: reader } = await openOurs(t, { folder, readOnly: true });
  t.is(await reader.countWhere({ n: { $lt: 20 } }), 20);
  await store.set("r1", { n: 99 });
  await reader.tail();
  t.is(await reader.countWhere({ n: { $lt: 20 } }), 19);
  await store.close();
  const { store: again } = await openOurs(t, { folder });
  t.deepEqual(await again.find({ n: { $gte: 48 } }, { sort: { n: -1 } }), [{ n: 99 }, { n: 49 }, { n: 48 }]);
});

everywhere("find() of values that are no objects, finds those by no field", async (t) => {
  const { store } = await openOurs(t);
  await store.set("five", 5);
  await store.set("list", [{ a: 5 }]);
  t.deepEqual(await store.find({ a: 5 }), [[{ a: 5 }]]);
  t.deepEqual(await store.find({ a: { $exists: false } }), [5]);
  t.deepEqual(await store.find({}), [5, [{ a: 5 }]]);
});

everywhere("a Date in a query, stands for the text that JSON makes of it", async (t) => {
  const { store } = await openOurs(t);
  await store.set("a", { at: new Date(5) });
  await store.set("b", { at: new Date(10) });
  t.is(await store.countWhere({ at: { $gt: new Date(5) } }), 1);
  t.is(await store.countWhere({ at: new Date(10) }), 1);
});

const refused = {
  "no object": [null, /query must be an object of conditions, got null/],
  "a list": [[1], /query must be an object of conditions/],
  "an unknown operator": [{ a: { $gtt: 1 } }, /query\.a\.\$gtt is no operator that is known/],
  "an operator without a field": [{ $gt: 1 }, /query\.\$gt belongs behind the name of a field/],
  "a name among operators": [{ a: { $gt: 1, b: 2 } }, /query\.a\.b stands among operators/],
  "$in without a list": [{ a: { b: 1 }, c: { $in: 3 } }, /query\.c\.\$in takes a list of values/],
  "$and of something else": [{ $and: [{ a: 1 }, 7] }, /query\.\$and\[1\] must be an object of conditions/],
  undefined: [{ a: { $in: [1, undefined] } }, /query\.a\.\$in\[1\] is undefined, which no record can hold/],
  NaN: [{ a: NaN }, /query\.a is NaN/],
  "a function": [{ a: () => 1 }, /query\.a is .*function/],
  "a Map": [{ a: new Map() }, /query\.a is .*, which no record can hold/],
  "an invalid Date": [{ a: new Date(NaN) }, /query\.a is an invalid Date/],
  "an expression that is none": [{ a: { $regex: "(" } }, /query\.a\.\$regex is no regular expression/],
  "a $size that is none": [{ a: { $size: -1 } }, /query\.a\.\$size takes a number of elements/],
  "too many levels": [
    JSON.parse(`{"a":${"[".repeat(200)}${"]".repeat(200)}}`),
    /nested deeper than 100 levels/,
  ],
  "a cycle": [
    (() => {
      const cycle = { a: {} };
      cycle.a.b = cycle;
      return cycle;
    })(),
    /nested deeper than 100 levels/,
  ],
};

for (const [what, [query, message]] of Object.entries(refused)) {
  everywhere(`a query with ${what}, is refused with its place`, async (t) => {
    const { store } = await openOurs(t);
    for (const call of [store.find(query), store.findOne(query), store.countWhere(query)]) {
      await t.throwsAsync(call, { code: "OPSLOG_INVALID_ARGUMENT", message });
    }
  });
}

const options = {
  "sort by no number": [{ sort: { a: "up" } }, /sort\.a must be 1 or -1/],
  "sort that is text": [{ sort: "a" }, /option sort must be an object of fields, got/],
  "fields of both kinds": [{ fields: { a: 1, b: 0 } }, /fields\.b cannot stand beside the others/],
  "fields within each other": [{ fields: ["a", "a.b"] }, /fields\[1\] names what another one has named/],
  "a negative skip": [{ skip: -1 }, /option skip must be an integer from 0 on/],
  "a limit that is text": [{ limit: "5" }, /option limit must be a number/],
  "a misspelled name": [{ limits: 5 }, /no option "limits".*limit/],
};

for (const [what, [given, message]] of Object.entries(options)) {
  everywhere(`find() with ${what}, is refused`, async (t) => {
    const { store } = await openOurs(t);
    await t.throwsAsync(store.find({}, given), { code: "OPSLOG_INVALID_ARGUMENT", message });
  });
}

everywhere("a regular expression without an end, is stopped, and the store goes on", async (t) => {
  const { store } = await openOurs(t);
  await store.set("a", { text: `${"a".repeat(40)}!` });
  await t.throwsAsync(store.find({ text: /^(a+)+$/ }), {
    code: "OPSLOG_PATTERN_TIMEOUT",
    message: /\(a\+\)\+/,
  });
  t.is(await store.countWhere({ text: /!$/ }), 1);
});

everywhere("a regular expression with the flag g or y, begins at the start of each string", async (t) => {
  const { store } = await openOurs(t);
  for (let n = 0; n < 5; n++) await store.set(`r${n}`, { text: `xa${n}` });
  t.is(await store.countWhere({ text: /a/g }), 5);
  t.is(await store.countWhere({ text: /x/y }), 5);
  t.is(await store.countWhere({ text: /a/y }), 0);
});

everywhere("an aborted signal, ends a find() with its reason", async (t) => {
  const { store } = await openOurs(t);
  for (let n = 0; n < 10; n++) await store.set(`r${n}`, { n });
  await t.throwsAsync(store.find({}, { signal: AbortSignal.abort(new Error("enough")) }), {
    message: "enough",
  });
  const abort = new AbortController();
  const finding = store.find({}, { signal: abort.signal });
  abort.abort(new Error("enough"));
  await t.throwsAsync(finding, { message: "enough" });
});

/** A list of so many objects, as a record may hold one, and queries of so many may ask for. */
const objects = (count, from = 0) => Array.from({ length: count }, (_, n) => ({ x: from + n, y: [n] }));

everywhere(
  "an aborted signal, ends a find() in the middle of a record that would take minutes",
  async (t) => {
    const { store } = await openOurs(t);
    await store.set("a", { list: objects(20_000) });
    const $or = objects(20_000, 1e6).map((object) => ({ list: object }));
    for (const query of [{ $or }, { list: { $elemMatch: { $or: objects(20_000, 1e6) } } }]) {
      const abort = new AbortController();
      const finding = store.find(query, { signal: abort.signal });
      setTimeout(() => abort.abort(new Error("enough")), 20);
      await t.throwsAsync(finding, { message: "enough" });
    }
  },
);

everywhere(
  "$in, $nin, $all and $eq of 20,000 objects, tried on a list or an object of 20,000, need no look at each pair of them",
  async (t) => {
    const { store } = await openOurs(t);
    const wide = (from) => Object.fromEntries(objects(20_000, from).map(({ x }) => [`f${x}`, x]));
    await store.set("a", { list: objects(20_000), wide: wide(0) });
    await store.set("b", { list: [{ y: [7], x: 7 }], wide: { f0: 0 } });
    const ids = (query) => store.findIds(query);
    t.deepEqual(await ids({ list: { $in: objects(20_000, 1e6) } }), []);
    t.deepEqual(await ids({ list: { $nin: objects(20_000, 1e6) } }), ["a", "b"]);
    t.deepEqual(await ids({ list: { $in: [...objects(20_000, 1e6), { y: [7], x: 7 }] } }), ["a", "b"]);
    t.deepEqual(await ids({ list: { $all: objects(20_000).reverse() } }), ["a"]);
    t.deepEqual(await ids({ list: { $all: [...objects(20_000), { x: -1 }] } }), []);
    t.deepEqual(await ids({ wide: wide(0) }), ["a"]);
    t.deepEqual(await ids({ wide: Object.fromEntries(Object.entries(wide(0)).reverse()) }), ["a"]);
    t.deepEqual(await ids({ wide: { ...wide(0), f19999: -1 } }), []);
  },
);

everywhere(
  "chosen fields, unlike mingo's, have no places of lists, and lists within lists lack what is left out",
  async (t) => {
    const { store } = await openOurs(t);
    const list = () => [{ b: 1, c: 2 }, [{ b: 1, c: 2 }], 5];
    await store.set("a", { list: list() });
    const check = async (fields, ours, theirs) => {
      const [{ list: found }] = await store.find({}, { fields });
      t.deepEqual(found, ours);
      t.deepEqual(new Query({}).find([{ list: list() }], fields).all()[0].list, theirs);
    };
    await check({ "list.b": 0 }, [{ c: 2 }, [{ c: 2 }], 5], [{ c: 2 }, [{ b: 1, c: 2 }], 5]);
    await check({ "list.0": 0 }, list(), list().slice(1));
    await check({ "list.0": 1 }, [], list().slice(0, 1));
  },
);

for (const [carrier, options] of Object.entries({
  "each record is tried": {},
  "an index leads to them": { indexes: { n: {}, "m,n": {} } },
  "the store is behind a backend": { backend: true },
})) {
  everywhere(
    `findIds(), ${carrier}, gives the ids of what find() gives, of the snapshot and of the log`,
    async (t) => {
      const { store } = await openOurs(t, {
        ...options,
        ...(options.backend && { backend: memoryBackend(memoryBucket()) }),
        checkpointThreshold: Infinity,
      });
      const ids = ["__proto__", "\ud800", '"quoted"', "日本語", "שלום", "a\u0000b", "long".repeat(500)];
      for (let n = 0; n < 70; n++)
        await store.set(ids[n] ?? `id${n}`, { n: n % 7, m: n % 3, id: ids[n] ?? `id${n}` });
      const check = async () => {
        for (const [query, selection] of [
          [{}, {}],
          [{ n: 3 }, {}],
          [{ n: { $gt: 4 } }, { skip: 2, limit: 5 }],
          [{ m: 1 }, { sort: { n: -1 } }],
          [{}, { sort: { m: 1, n: 1 }, skip: 10, limit: 10 }],
          [{ id: /^id1/ }, { sort: { id: -1 } }],
        ]) {
          const found = await store.find(query, selection);
          t.deepEqual(
            await store.findIds(query, selection),
            found.map(({ id }) => id),
            JSON.stringify([query, selection]),
          );
        }
      };
      await check();
      await store.compact();
      await check();
      for (let n = 0; n < 70; n += 5)
        await store.set(ids[n] ?? `id${n}`, { n: 3, m: n, id: ids[n] ?? `id${n}` });
      await store.delete("\ud800");
      await check();
      t.deepEqual(store.getMany(await store.findIds({ m: 60 })), [{ n: 3, m: 60, id: "id60" }]);
      await t.throwsAsync(store.findIds({ n: undefined }), {
        code: "OPSLOG_INVALID_ARGUMENT",
        message: /query\.n/,
      });
    },
  );
}

everywhere("find() of a store that is closed, or under skipLoad, finds nothing", async (t) => {
  const { store, folder } = await openOurs(t);
  await store.set("a", { n: 1 });
  await store.close();
  await t.throwsAsync(store.find({}), { code: "OPSLOG_NOT_OPEN" });
  const { store: blind } = await openOurs(t, { folder, skipLoad: true });
  t.deepEqual(await blind.find({}), []);
});

everywhere(
  "lists within lists as deep as JSON allows, are no danger to a query, an order or a choice of fields",
  async (t) => {
    const { store } = await openOurs(t);
    const deep = (depth) => JSON.parse(`${"[".repeat(depth)}1${"]".repeat(depth)}`);
    for (const depth of [50, 101, 2000]) await store.set(`d${depth}`, { a: deep(depth) });
    t.is(await store.countWhere({ a: { $gt: [] } }), 3);
    t.is((await store.find({ "a.b.c": { $exists: false } }, { sort: { a: 1 }, fields: ["a.b"] })).length, 0);
    const path = Array.from({ length: 500 }, () => "a").join(".");
    await t.throwsAsync(store.find({ [path]: 1 }), {
      code: "OPSLOG_INVALID_ARGUMENT",
      message: /at most 100/,
    });
  },
);

for (const [carrier, options] of Object.entries({
  "a folder": {},
  "a folder, with syncs": { durability: "always" },
  "an agent": { agentId: "one" },
})) {
  test(`find(), countWhere(), scan() and keys() in ${carrier}, called beside undo(), see the records as they were at the call`, async (t) => {
    const { store } = await openOurs(t, { ...options, checkpointThreshold: Infinity });
    await store.batch(() => {
      for (let n = 0; n < 400; n++) store.set(`r${n}`, { n });
    });
    const scanned = async () => {
      const ids = [];
      for await (const [id] of store.scan()) ids.push(id);
      return ids.length;
    };
    const looks = {
      "find()": async () => (await store.find({})).length,
      "find() in order": async () => (await store.find({}, { sort: { n: -1 } })).length,
      "countWhere()": () => store.countWhere({ n: { $exists: true } }),
      "scan()": scanned,
      "keys()": async () => [...store.keys()].length,
    };
    for (let round = 0; round < 20; round++) {
      for (const [name, look] of Object.entries(looks)) {
        await store.set("a", { n: 1 });
        await store.set("b", { n: 2 });
        const before = [store.count(), look()];
        const undone = [store.undo(), store.undo()];
        const after = [store.count(), look()];
        const again = store.set("b", { n: 3 });
        const last = [store.count(), look()];
        for (const [count, found] of [before, after, last]) t.is(await found, count, name);
        t.deepEqual(await Promise.all(undone), [true, true]);
        await again;
        t.deepEqual(store.get("b"), { n: 3 });
        await store.undo();
      }
    }
  });
}

everywhere(
  "find() with $in and $nin of 100,000 values, over 10,000 records, finds what a set of them would",
  async (t) => {
    const { store } = await openOurs(t);
    await store.batch((batch) => {
      for (let n = 0; n < 10_000; n++) batch.set(`k${n}`, { n, s: `s${n}`, list: [n, `s${n}`, null] });
    });
    const numbers = Array.from({ length: 100_000 }, (_, n) => n * 7);
    const strings = numbers.map((n) => `s${n}`);
    const isWanted = ({ n }) => n % 7 === 0;
    const wanted = store.filter(isWanted);
    t.deepEqual(await store.find({ n: { $in: numbers } }), wanted);
    t.deepEqual(await store.find({ s: { $in: strings } }), wanted);
    t.deepEqual(await store.find({ list: { $in: [...numbers, true, {}] } }), wanted);
    t.is(await store.countWhere({ s: { $nin: [...strings, null] } }), 10_000 - wanted.length);
    t.is(await store.countWhere({ none: { $in: numbers } }), 0);
    t.is(await store.countWhere({ none: { $in: [...numbers, null] } }), 10_000);
  },
);
