/** open(":memory:"): the same store without files. */
import { access, readdir } from "node:fs/promises";
import test from "ava";
import { Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { randomNumbers } from "../queries/random.mjs";

async function open(t, options) {
  const store = new Store();
  await store.open(":memory:", options);
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

/** Every way to open a store in memory, and a store in a folder beside which it must show the same. */
const modes = {
  "by default": {},
  "in group mode": { writeMode: "group", groupCommitSize: 3 },
  "in async mode": { writeMode: "async", groupCommitMs: 1 },
  "with checkpoints": { checkpointThreshold: 3 },
  "with a small cache": { cacheSize: 2 },
  "with durability": { durability: "always" },
  "with strict recovery": { recovery: "strict" },
};

async function work(store) {
  const seen = [];
  const note = (what) => seen.push(what);
  for (let n = 0; n < 10; n++) await store.set(`id-${n % 6}`, { n, text: "x".repeat(n) });
  await store.batch(() => {
    store.set("batched", { n: 1 });
    store.delete("id-0");
  });
  note(await store.undo());
  await store.delete("id-1");
  await store.set("list", [1, "two", null]);
  await store.flush();
  note(store.entries());
  note(store.count((record) => record.n > 5));
  note(store.filter((record) => record.n === 7));
  note(await store.archive((record) => record.n === 4, "past"));
  note([...(await store.loadArchive("past"))]);
  await store.compact();
  note(store.stats());
  await store.set("late", { n: 99 });
  await store.flush();
  note(store.getOps().map(({ op, id, data, prev }) => [op, id, data, prev]));
  const logged = [];
  for await (const { id } of store.getWalOps()) logged.push(id);
  note(logged);
  const streamed = [];
  for await (const entry of store.streamSnapshot()) streamed.push(entry);
  note(streamed);
  note(await store.tail());
  await store.refresh();
  note(await store.undo());
  note(await store.insert("inserted", { n: 5 }));
  note(await store.transaction((tx) => tx.get("inserted").n));
  note(await store.find({ n: { $gt: 4 } }));
  note(store.entries());
  note(store.listArchiveSegments().map((path) => path.split("/").at(-1)));
  return seen;
}

for (const [how, options] of Object.entries(modes)) {
  test(`open(":memory:") ${how} shows what a store in a folder shows`, async (t) => {
    const inMemory = await open(t, options);
    const inFolder = new Store();
    await inFolder.open(await temporaryFolder(t), options);
    const [found, expected] = [await work(inMemory), await work(inFolder)];
    t.deepEqual(found, expected);
    await inFolder.close();
    await inMemory.close();
  });
}

/** One random call each, with what it shows; `n` tells values apart. */
const calls = {
  set: (store, { id, n }) => store.set(id, { n, half: n % 2, text: "x".repeat(n % 30) }),
  delete: (store, { id }) => store.delete(id),
  insert: (store, { id, n }) => store.insert(id, { n, half: n % 2 }),
  update: (store, { id, n }) => store.update(id, (current) => (current ? { ...current, n } : { n })),
  patch: (store, { id, n }) => store.patch(id, { n, text: undefined }),
  compareAndSet: (store, { id, n }) => store.compareAndSet(id, store.get(id), { n }),
  transaction: (store, { id, other, n }) =>
    store.transaction((tx) => {
      tx.set(id, { n, half: 1 });
      if (tx.has(other)) tx.delete(other);
      if (n % 4 === 0) throw new Error("none of it");
      return tx.get(id);
    }),
  batch: (store, { id, other, n }) =>
    store.batch(() => {
      store.set(id, { n, half: 0 });
      store.set(other, { n: -n });
      if (n % 5 === 0) throw new Error("none of it");
    }),
  undo: (store) => store.undo(),
  undoBatch: (store) => store.undo({ batch: true }),
  compact: (store) => store.compact(),
  archive: (store, { n }) => store.archive((record) => record.n === n - 3, "past"),
  loadArchive: async (store) =>
    store.listArchiveSegments().length > 0 ? [...(await store.loadArchive("past"))] : [],
  clear: (store, { n }) => (n % 3 === 0 ? store.clear() : store.count()),
  flush: (store) => store.flush(),
  tail: async (store) => (await store.tail()).map(({ op, id }) => [op, id]),
  find: (store, { n }) => store.find({ half: n % 2 }, { sort: { n: -1 }, limit: 5 }),
  scan: async (store, { id }) => {
    const seen = [];
    for await (const entry of store.scan({ gte: id, reverse: true, limit: 4 })) seen.push(entry);
    return seen;
  },
  getMany: (store, { id, other }) => store.getMany([id, other]),
};

const shownOf = (outcome) =>
  outcome.then((value) => ({ value })).catch(({ code, message }) => ({ code, message }));

for (const [how, options] of Object.entries({
  ...modes,
  "with indexes": { indexes: { half: {}, n: { unique: true } } },
})) {
  test(`random calls of a store in memory ${how} show what those of a store in a folder show`, async (t) => {
    for (let seed = 1; seed <= 6; seed++) {
      const { below, pick } = randomNumbers(seed);
      const inMemory = await open(t, options);
      const inFolder = new Store();
      await inFolder.open(await temporaryFolder(t), options);
      const made = [];
      for (let n = 1; n <= 80; n++) {
        const name = pick(Object.keys(calls));
        const given = { id: `id-${below(8)}`, other: `id-${below(8)}`, n };
        made.push(`${name} ${JSON.stringify(given)}`);
        const [found, expected] = [inMemory, inFolder].map((store) =>
          shownOf((async () => calls[name](store, given))()),
        );
        t.deepEqual(await found, await expected, made.slice(-5).join("\n"));
        t.deepEqual(inMemory.entries(), inFolder.entries(), made.slice(-5).join("\n"));
        t.deepEqual(
          inMemory.getOps().map(({ op, id, data, prev }) => [op, id, data, prev]),
          inFolder.getOps().map(({ op, id, data, prev }) => [op, id, data, prev]),
          made.slice(-5).join("\n"),
        );
      }
      await Promise.all([inMemory.close(), inFolder.close()]);
    }
  });
}

test("a store in memory writes no file, and nothing of it is left", async (t) => {
  const before = await readdir(process.cwd());
  const store = await open(t, { checkpointThreshold: 2 });
  for (let n = 0; n < 10; n++) await store.set(`id-${n}`, { n });
  await store.compact();
  await store.close();
  t.deepEqual(await readdir(process.cwd()), before);
  await t.throwsAsync(access(":memory:"), { code: "ENOENT" });
  await store.open(":memory:");
  t.is(store.count(), 0);
});

test("two stores in memory have nothing in common", async (t) => {
  const [one, other] = [await open(t), await open(t)];
  await one.set("a", { n: 1 });
  t.deepEqual([one.count(), other.count()], [1, 0]);
});

test("changes() and at() of a store in memory refuse a position of another one", async (t) => {
  const [one, other] = [await open(t), await open(t)];
  const refused = async (position) => {
    t.false(one.position === position);
    await t.throwsAsync(one.changes({ after: position }).next(), { code: "OPSLOG_POSITION_GONE" });
    await t.throwsAsync(one.at(position), { code: "OPSLOG_POSITION_GONE" });
  };
  await refused(other.position);
  for (const store of [one, other]) await store.set("a", { n: 1 });
  await refused(other.position);
  for (const store of [one, other]) await store.compact();
  await refused(other.position);
});

test('open(":memory:") with agentId works as the only agent', async (t) => {
  const store = await open(t, { agentId: "one", checkpointThreshold: 3 });
  for (let n = 0; n < 8; n++) await store.set(`id-${n}`, { n });
  t.true(await store.undo());
  await store.compact();
  t.is(store.count(), 7);
  t.deepEqual(await store.tail(), []);
});

test('open(":memory:") with readOnly rejects, as a folder without a store', async (t) => {
  const error = await t.throwsAsync(new Store().open(":memory:", { readOnly: true }), {
    code: "OPSLOG_NO_STORE",
  });
  t.is(error.path, ":memory:");
});

test('open(":memory:") with a backend hands it over as it is', async (t) => {
  const bucket = memoryBucket();
  const backend = memoryBackend(bucket);
  const folders = [];
  backend.initialize = async (dir) => void folders.push(dir);
  const store = await open(t, { backend });
  await store.set("a", { n: 1 });
  t.deepEqual(folders, [":memory:"]);
  t.not(bucket.manifest, null);
});

test("backup() of a store in memory rejects, and says what to do", async (t) => {
  const store = await open(t);
  await t.throwsAsync(store.backup(await temporaryFolder(t)), {
    code: "OPSLOG_INVALID_ARGUMENT",
    message: /entries\(\)/,
  });
});

test("values in memory are what was stored, whatever the caller does to them afterwards", async (t) => {
  const store = await open(t, { checkpointThreshold: 1 });
  const value = { list: [1] };
  await store.set("a", value);
  value.list.push(2);
  t.deepEqual(store.get("a"), { list: [1] });
  await store.compact();
  const streamed = [];
  for await (const entry of store.streamSnapshot()) streamed.push(entry);
  streamed[0][1].list.push(3);
  t.deepEqual(store.get("a"), { list: [1] });
});

test.serial("a store in memory keeps no superseded snapshots and logs", async (t) => {
  const store = await open(t, { checkpointThreshold: 10 });
  const text = "x".repeat(10_000);
  const round = async () => {
    for (let n = 0; n < 100; n++) await store.set(`id-${n % 10}`, { n, text });
  };
  // NOTE: V8's heap first grows to the size that it keeps, which takes up to 150 MB with Node 24.
  for (let n = 0; n < 100; n++) await round();
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 200; n++) await round();
  // 200 MB of values have come by.
  const grown = process.memoryUsage().rss - before;
  t.true(grown < 100 * 2 ** 20, `${grown} bytes`);
});
