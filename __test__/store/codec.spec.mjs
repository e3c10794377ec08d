/** The options replacer and reviver: what a program stores is what it gets back, wherever it looks. */
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { carriers } from "../helpers/carriers.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { original } from "../helpers/original.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };

const isObject = (value) => typeof value === "object" && value !== null;

/** Keeps Dates, Maps and BigInts, as objects with one field. */
const codec = {
  replacer(key, value) {
    const given = this[key];
    if (given instanceof Date) return { $date: given.toISOString() };
    if (given instanceof Map) return { $map: [...given] };
    return typeof value === "bigint" ? { $big: String(value) } : value;
  },
  reviver(key, value) {
    if (isObject(value) && "$date" in value) return new Date(value.$date);
    if (isObject(value) && "$map" in value) return new Map(value.$map);
    return isObject(value) && "$big" in value ? BigInt(value.$big) : value;
  },
};

const day = (n) => new Date(Date.UTC(2026, 0, 1 + n));
const task = (n) => ({
  n,
  due: day(n),
  tags: new Map([["n", day(n)]]),
  cost: BigInt(n),
  list: [day(n), [day(n)]],
});

const names = Object.keys(carriers({ FsBackend })).filter((name) => !name.includes("reader"));

for (const carrier of [...names, ":memory:"]) {
  test(`Dates, Maps and BigInts come back from every read: ${carrier}`, async (t) => {
    const store = new Store();
    const options = carrier === ":memory:" ? manual : carriers({ FsBackend })[carrier];
    await store.open(carrier === ":memory:" ? carrier : await temporaryFolder(t), { ...options, ...codec });
    t.teardown(() => store.close().catch(() => {}));
    const told = [];
    store.on("change", (changes) => told.push(...changes));
    await store.set("a", task(1));
    await store.set("a", task(2));
    await store.batch(() => store.set("b", task(3)));
    t.deepEqual(store.get("a"), task(2));
    t.is(store.get("a"), store.get("a"));
    t.deepEqual(store.all(), [task(2), task(3)]);
    t.deepEqual(store.entries()[1], ["b", task(3)]);
    t.deepEqual([...store.values()], [task(2), task(3)]);
    t.deepEqual(store.getMany(["b"]), [task(3)]);
    t.is(store.filter(({ due }) => due > day(2)).length, 1);
    t.is(
      store.count(({ tags }) => tags.get("n") instanceof Date),
      2,
    );
    t.deepEqual(await store.filterAsync(({ cost }) => cost === 3n), [task(3)]);
    const scanned = [];
    for await (const [, value] of store.scan({ gte: "b" })) scanned.push(value);
    t.deepEqual(scanned, [task(3)]);
    t.deepEqual(await store.find({ n: 3 }), [task(3)]);
    t.deepEqual(await store.find({ n: 3 }, { fields: ["due"] }), [{ due: day(3) }]);
    t.deepEqual(await store.findOne({ "due.$date": day(2).toISOString() }), task(2));
    if (!carrier.includes("checkpoints")) {
      const [first, second] = store.getOps();
      t.deepEqual([first.data, first.prev], [task(1), null]);
      t.deepEqual(second.data, task(2));
      const { prev, encoding } = second;
      t.deepEqual(encoding === "delta" ? prev.$set.due : prev.due, day(1));
    }
    await store.flush();
    const logged = [];
    for await (const { data } of store.getWalOps()) logged.push(data);
    t.deepEqual(logged.at(-1), task(3));
    if (!carrier.includes("skipLoad")) {
      await store.compact();
      const streamed = [];
      for await (const [, value] of store.streamSnapshot()) streamed.push(value);
      t.deepEqual(streamed, [task(2), task(3)]);
      t.deepEqual(store.get("b"), task(3));
    }
    t.is(await store.archive(({ n }) => n === 3, "old"), 1);
    t.deepEqual([...(await store.loadArchive("old"))], [["b", task(3)]]);
    await store.close();
    t.deepEqual(
      told.slice(0, 3).map(({ value, before }) => [value, before]),
      [
        [task(1), null],
        [task(2), task(1)],
        [task(3), null],
      ],
    );
  });
}

for (const kind of ["a folder", ":memory:", "a backend"]) {
  test(`transactions and what is made of them get and give such values, each printed once: ${kind}`, async (t) => {
    const store = new Store();
    const backend = kind === "a backend" ? memoryBackend(memoryBucket()) : undefined;
    // A replacer that would change what it has printed before.
    const twice = {
      replacer: (key, value) => (typeof value === "string" ? `<${value}>` : value),
      reviver: (key, value) => (typeof value === "string" ? value.slice(1, -1) : value),
    };
    await store.open(kind === ":memory:" ? kind : await temporaryFolder(t), { ...manual, ...twice, backend });
    t.teardown(() => store.close().catch(() => {}));
    await store.insert("a", { text: "x", rest: "kept" });
    t.deepEqual(store.get("a"), { text: "x", rest: "kept" });
    await store.patch("a", { text: "y" });
    t.deepEqual(store.get("a"), { text: "y", rest: "kept" });
    t.true(await store.compareAndSet("a", { text: "y", rest: "kept" }, { text: "z", rest: "kept" }));
    t.false(await store.compareAndSet("a", { text: "y", rest: "kept" }, { text: "z" }));
    t.deepEqual(await store.update("a", ({ text, rest }) => ({ text: text + text, rest })), {
      text: "zz",
      rest: "kept",
    });
    const found = await store.transaction((tx, ...more) => {
      t.deepEqual(more, []);
      tx.patch("a", { rest: undefined, list: ["p"] });
      tx.insert("b", { text: "b" });
      return [tx.get("a"), tx.get("b"), tx.get("missing")];
    });
    t.deepEqual(found, [{ text: "zz", list: ["p"] }, { text: "b" }, undefined]);
    t.deepEqual(await store.find({ text: "<b>" }), [{ text: "b" }]);
    const ops = store.getOps();
    t.is(ops[0].data.text, "x");
  });
}

test("what is written with a replacer is JSON like any other: 0.8.1 and a program without options read the text", async (t) => {
  const { store, folder } = await openOurs(t, codec);
  await store.set("a", { due: day(1) });
  await store.close();
  const plain = { due: { $date: day(1).toISOString() } };
  const other = new original.Store();
  await other.open(folder);
  t.deepEqual(other.get("a"), plain);
  await other.set("b", { due: { $date: day(2).toISOString() } });
  await other.close();
  const { store: again } = await openOurs(t, { folder, ...codec });
  t.deepEqual(again.get("b"), { due: day(2) });
});

test("agents, readers, views and changes() give such values", async (t) => {
  const folder = await temporaryFolder(t);
  const open = async (options) => (await openOurs(t, { folder, ...manual, ...codec, ...options })).store;
  const one = await open({ agentId: "one" });
  const two = await open({ agentId: "two" });
  const reader = await open({ readOnly: true });
  await one.set("a", task(1));
  const place = one.position;
  await one.set("a", task(2));
  for (const store of [two, reader]) {
    const [first, second] = await store.tail();
    t.deepEqual([first.data, second.data], [task(1), task(2)]);
    t.deepEqual(store.get("a"), task(2));
    const changes = [];
    for await (const { value, before } of store.changes()) changes.push([value, before]);
    t.deepEqual(changes, [
      [task(1), null],
      [task(2), task(1)],
    ]);
    const view = await store.at(place);
    t.deepEqual(view.get("a"), task(1));
    t.deepEqual(view.entries(), [["a", task(1)]]);
    t.deepEqual(await view.find({ n: 1 }), [task(1)]);
    t.is(
      view.count(({ due }) => due instanceof Date),
      1,
    );
    view.close();
  }
  t.is(await one.revert({ to: place }), 1);
  t.deepEqual(one.get("a"), task(1));
  t.is(await one.revert({ to: place }), 0);
});

test("migrate gets and gives such values, in a folder and through a backend", async (t) => {
  const migrate = ({ due }, from) => ({ due: new Date(due.getTime() + 1), from });
  const expected = { due: new Date(day(1).getTime() + 1), from: 1 };
  const bucket = memoryBucket();
  for (const options of [{}, { backend: memoryBackend(bucket) }]) {
    const { store, folder } = await openOurs(t, { ...codec, ...options });
    await store.set("a", { due: day(1) });
    await store.close();
    const { store: next } = await openOurs(t, { folder, ...codec, ...options, version: 2, migrate });
    t.deepEqual(next.get("a"), expected);
    await next.close();
    const { store: last } = await openOurs(t, { folder, ...codec, ...options, version: 2 });
    t.deepEqual(last.get("a"), expected);
    await last.close();
  }
});

everywhere("a reviver alone makes Dates of the text that JSON makes of them", async (t) => {
  const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
  const reviver = (key, value) => (iso.test(value) ? new Date(value) : value);
  const { store } = await openOurs(t, { reviver, strictJson: true, indexes: { due: {} } });
  await store.set("a", { due: day(1), list: [day(2)] });
  await store.set("b", { due: day(3), list: [] });
  t.deepEqual(store.get("a"), { due: day(1), list: [day(2)] });
  t.deepEqual(await store.find({ due: { $gt: day(2) } }), [{ due: day(3), list: [] }]);
  t.is((await store.explain({ due: day(1) })).records, 1);
});

everywhere("a reviver is called as JSON.parse() calls it", async (t) => {
  const texts = ['{"a":[1,{"b":2}],"__proto__":{"c":3},"d":null}', '[1,[2],"x"]', '"text"', "1", "true"];
  for (const text of texts) {
    const calls = [];
    const reviver = function (key, value) {
      calls.push([key, JSON.stringify(value), JSON.stringify(this)]);
      return key === "b" || value === 2 ? undefined : value;
    };
    const { store } = await openOurs(t, { reviver });
    await store.set("a", JSON.parse(text));
    calls.length = 0;
    const found = store.get("a");
    const ours = calls.splice(0);
    t.deepEqual(found, JSON.parse(text, reviver));
    t.deepEqual(ours, calls);
  }
});

everywhere("with strictJson it is judged what the replacer returns", async (t) => {
  const { store } = await openOurs(t, { ...codec, strictJson: true });
  await store.set("a", task(1));
  t.deepEqual(store.get("a"), task(1));
  const refused = async (value, message) =>
    t.throwsAsync(async () => store.set("b", value), { code: "OPSLOG_INVALID_VALUE", message });
  await refused({ a: [new Set()] }, /value\.a\[0\] is an instance of Set/);
  await refused({ a: { b: NaN } }, /value\.a\.b is NaN, which becomes null/);
  await refused({ a: [undefined] }, /value\.a\[0\] is undefined/);
  await refused({ a: () => {} }, /value\.a is function/);
  await store.set("c", { a: undefined, b: day(1) });
  const { store: dated } = await openOurs(t, { strictJson: true, replacer: (key, value) => value });
  await t.throwsAsync(async () => dated.set("b", { due: day(1) }), {
    message: /value\.due is a Date, which becomes a string/,
  });
});

everywhere("what replacer and reviver throw reaches the caller, and changes nothing", async (t) => {
  const { store } = await openOurs(t, {
    replacer(key, value) {
      if (value === "bad") throw new Error("not printed");
      return value;
    },
    reviver(key, value) {
      if (value === "spoiled") throw new Error("not revived");
      return value;
    },
  });
  await t.throwsAsync(async () => store.set("a", { x: "bad" }), {
    code: "OPSLOG_INVALID_VALUE",
    message: /not printed/,
  });
  t.false(store.has("a"));
  await store.set("a", { x: "spoiled" });
  await store.set("b", { x: 1 });
  for (let n = 0; n < 2; n++) {
    t.throws(() => store.get("a"), { message: "not revived" });
    t.throws(() => store.all(), { message: "not revived" });
    await t.throwsAsync(store.find({}), { message: "not revived" });
  }
  t.deepEqual(store.get("b"), { x: 1 });
  await store.delete("a");
  t.deepEqual(store.all(), [{ x: 1 }]);
});

test("open() refuses a replacer or reviver that is no function", async (t) => {
  const store = new Store();
  const refused = (options, message) =>
    t.throwsAsync(store.open(":memory:", options), { code: "OPSLOG_INVALID_ARGUMENT", message });
  await refused(
    { replacer: ["a"] },
    /option replacer must be a function, got .*: a list of names would lose/,
  );
  await refused({ reviver: true }, /option reviver must be a function, got boolean/);
  await refused({ reviver: {} }, /option reviver must be a function/);
  await store.open(":memory:", { replacer: undefined, reviver: null });
  await store.close();
});

test("changes() in memory gives such values, of what was there before it was asked for and of what comes then", async (t) => {
  const store = new Store();
  await store.open(":memory:", { ...manual, ...codec });
  t.teardown(() => store.close().catch(() => {}));
  await store.set("a", task(1));
  await store.set("a", task(2));
  const { position } = store;
  const told = [];
  store.on("change", (changes) => told.push(...changes));
  await store.set("a", task(3));
  await store.delete("a");
  const read = async (options) => {
    const changes = [];
    for await (const { value, before } of store.changes(options)) changes.push([value, before]);
    return changes;
  };
  const later = [
    [task(3), task(2)],
    [undefined, task(3)],
  ];
  t.deepEqual(await read(), [[task(1), null], [task(2), task(1)], ...later]);
  t.deepEqual(await read({ after: position }), later);
  await store.close();
  t.deepEqual(
    told.map(({ value, before }) => [value, before]),
    later,
  );
});
