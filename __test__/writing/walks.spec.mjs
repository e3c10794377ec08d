/** What filter() and count() show of changes that their predicate makes: the same as 0.8.1, which walks a Map. */
import test from "ava";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { openOurs, openReference } from "../helpers/stores.mjs";

const manual = { checkpointThreshold: 1e6, checkpointOnClose: false };
/** More than this many records are not kept by the first walk over them. */
const MANY = 5003;

const carriers = {
  "a folder": () => ({}),
  "a folder with a small cache": () => ({ cacheSize: 2 }),
  "a folder in group mode": () => ({ writeMode: "group" }),
  "an agent": () => ({ agentId: "one" }),
  "a backend": () => ({ backend: memoryBackend(memoryBucket()) }),
  "a backend with a small cache": () => ({ backend: memoryBackend(memoryBucket()), cacheSize: 2 }),
};

/** What was looked at before the walk. */
const looks = {
  nothing: () => {},
  "all records": (store) => store.all(),
  "all records, of which some changed since": (store) => {
    store.all();
    for (const n of [0, 3, 4]) store.set(idOf(n), { v: 0, changed: n });
  },
  "one record": (store) => store.get(idOf(3)),
};

const idOf = (n) => `id-${String(n).padStart(4, "0")}`;
const next = (seed) => (seed * 1103515245 + 12345) % 2 ** 31;
const settledQuietly = (result) => result?.catch?.(() => {});

/** Changes that a predicate makes, by number. */
const changes = [
  (store, id) => store.set(id, { v: 9 }),
  (store, id) => {
    store.set(id, { v: 8 });
    store.get(id);
  },
  (store, id) => store.has(id) && store.delete(id),
  (store, id) => {
    if (!store.has(id)) return;
    settledQuietly(store.delete(id));
    return store.set(id, { v: 7 });
  },
  (store, id) => store.set(`${id}-new`, { v: 6 }),
  (store, id) => {
    settledQuietly(store.set(id, { v: 5 }));
    store.all();
  },
  (store, id) => {
    settledQuietly(store.set(id, { v: 4 }));
    store.filter(({ v }) => v > 0);
  },
];

/** A walk whose predicate makes a few changes, by a seed. Returns what it saw and gave. */
function walked(store, method, count, seed) {
  const seen = [];
  let left = 4;
  const predicate = (value, id) => {
    seen.push([id, { ...value }]);
    seed = next(seed);
    const place = Number(id.slice(3, 7));
    if (left > 0 && (seed >> 8) % 3 === 0) {
      left--;
      seed = next(seed);
      const near = [place - 1, place, place + 1, place + 2][(seed >> 8) % 4];
      seed = next(seed);
      const change = changes[(seed >> 8) % changes.length];
      settledQuietly(change(store, idOf((near + count) % count)));
    }
    return value.v !== 0;
  };
  const result = store[method](predicate);
  return { seen, result };
}

/** Fills a store, and walks it inside or outside of a batch. */
async function walkIn({ store }, { method, count, look, isBatch, seed }) {
  await store.batch(() => {
    for (let n = 0; n < count; n++) store.set(idOf(n), { v: 0, n });
  });
  let found;
  const work = () => {
    looks[look](store);
    found = walked(store, method, count, seed);
  };
  if (isBatch) await store.batch(work);
  else {
    looks[look](store);
    await store.batch(() => {});
    found = walked(store, method, count, seed);
  }
  await store.batch(() => {});
  return { ...found, entries: store.entries() };
}

async function assertSame(t, carrier, options) {
  const expected = await walkIn(await openReference(t, { ...manual }), options);
  const found = await walkIn(await openOurs(t, { ...manual, ...carriers[carrier]() }), options);
  t.deepEqual(found, expected, JSON.stringify(options));
}

for (const carrier of Object.keys(carriers)) {
  for (const isBatch of [true, false]) {
    const where = isBatch ? "inside" : "outside of";
    test(`filter() and count() of ${carrier}, the predicate makes changes ${where} a batch, show what 0.8.1 shows`, async (t) => {
      for (const look of Object.keys(looks)) {
        for (let seed = 1; seed <= 6; seed++) {
          const method = seed % 2 === 0 ? "filter" : "count";
          await assertSame(t, carrier, { method, count: 6, look, isBatch, seed });
        }
      }
    });
  }
}

for (const carrier of ["a folder", "a folder with a small cache", "a backend"]) {
  for (const isBatch of [true, false]) {
    const where = isBatch ? "inside" : "outside of";
    test(`filter() of ${carrier} with many records, the predicate makes changes ${where} a batch, shows what 0.8.1 shows`, async (t) => {
      for (const look of ["nothing", "one record"])
        await assertSame(t, carrier, { method: "filter", count: MANY, look, isBatch, seed: 1 });
    });
  }
}

for (const carrier of Object.keys(carriers)) {
  test(`filter() and count() of ${carrier}, a batch has deleted all records, visit none and end`, async (t) => {
    const { store } = await openOurs(t, { ...manual, ...carriers[carrier]() });
    await Promise.all([store.set(idOf(0), { n: 0 }), store.set(idOf(1), { n: 1 })]);
    const visited = [];
    const see = (_, id) => {
      visited.push(id);
      if (visited.length > 10) throw new Error("the walk goes on and on");
    };
    await store.batch(() => {
      store.delete(idOf(0));
      store.delete(idOf(1));
      t.deepEqual(store.filter(see), []);
      t.is(store.count(see), 0);
    });
    t.deepEqual(visited, []);
  });
}
