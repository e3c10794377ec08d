/** Which objects are kept, and what must be parsed again: counted, in characters of JSON text and in iterators. */
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const RECORDS = 6000;
const TEXT = "x".repeat(100);
const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };

async function openFilled(t, options = {}) {
  const store = new Store();
  await store.open(await temporaryFolder(t), { ...manual, ...options });
  t.teardown(() => store.close().catch(() => {}));
  await store.batch(() => {
    for (let n = 0; n < RECORDS; n++) store.set(`id-${n}`, { n, text: TEXT });
  });
  await store.compact();
  return store;
}

/** How many characters of JSON are parsed while `run` runs. */
function parsedBy(t, run) {
  const { parse } = JSON;
  let characters = 0;
  JSON.parse = (text, ...rest) => {
    characters += text.length;
    return parse(text, ...rest);
  };
  try {
    run();
  } finally {
    JSON.parse = parse;
  }
  return characters;
}

/** How often JSON is parsed while `run` runs. */
function parsesBy(t, run) {
  const { parse } = JSON;
  let calls = 0;
  JSON.parse = (...args) => {
    calls += 1;
    return parse(...args);
  };
  try {
    run();
  } finally {
    JSON.parse = parse;
  }
  return calls;
}

/** A store whose records are in the snapshot, or in the log, opened again. */
async function openAgain(t, records, { compacts }) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  await store.batch(() => {
    for (const [id, value] of records) store.set(id, value);
  });
  if (compacts) await store.compact();
  await store.close();
  await store.open(folder, manual);
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

const numbered = (count, text) => Array.from({ length: count }, (_, n) => [`id-${n}`, { n, text }]);

for (const compacts of [true, false]) {
  const where = compacts ? "the snapshot" : "the log";
  test.serial(
    `get() of one after the other of few records in ${where}, reads the others at once`,
    async (t) => {
      const records = numbered(1000, TEXT);
      const store = await openAgain(t, records, { compacts });
      const first = records.slice(0, 5).map(([id]) => store.get(id));
      const parses = parsesBy(t, () => {
        for (const [id, value] of records) t.is(store.get(id).n, value.n);
      });
      t.true(parses < 150, `${parses}`);
      t.true(first.every((value, n) => store.get(`id-${n}`) === value && store.all()[n] === value));
      t.deepEqual(store.entries(), records);
      await store.set("id-3", { n: -1 });
      await store.delete("id-4");
      t.is(store.get("id-3").n, -1);
      t.is(store.get("id-4"), undefined);
      t.is(store.count(), 999);
    },
  );
}

test.serial("get() of one after the other of few large records, reads no others", async (t) => {
  const records = numbered(40, "x".repeat(200_000));
  const store = await openAgain(t, records, { compacts: true });
  const characters = parsedBy(t, () => {
    for (let n = 0; n < 20; n++) store.get(`id-${n}`);
  });
  t.true(characters < 20 * 201_000, `${characters}`);
});

test.serial(
  "get() of small records among large ones, gives up reading the others where they are too long",
  async (t) => {
    const records = numbered(40, "x").concat([["large", "x".repeat(5_000_000)]]);
    const store = await openAgain(t, records, { compacts: true });
    const characters = parsedBy(t, () => {
      for (let n = 0; n < 40; n++) t.is(store.get(`id-${n}`).n, n);
    });
    t.true(characters < 100_000, `${characters}`);
    t.is(store.get("large").length, 5_000_000);
  },
);

test.serial("get() of few records in a filter(), leaves the walk what it saw when it began", async (t) => {
  const records = numbered(100, "x");
  const store = await openAgain(t, records, { compacts: true });
  const seen = [];
  store.filter(({ n }) => {
    seen.push(n);
    if (n === 0) void store.set("id-50", { n: -50 });
    store.get(`id-${(n * 7) % 100}`);
    return false;
  });
  t.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, n) => n),
  );
  t.is(store.get("id-50").n, -50);
});

const walks = {
  "filter()": (store) => store.filter(() => true),
  "all()": (store) => store.all(),
  "entries()": (store) => store.entries().map(([, value]) => value),
};

for (const [name, walk] of Object.entries(walks)) {
  test.serial(
    `${name} after many changes, parses what is new in few pieces and keeps the other objects`,
    async (t) => {
      const records = numbered(500, TEXT);
      const store = await openAgain(t, records, { compacts: true });
      const before = walk(store);
      for (let n = 0; n < 500; n += 2) await store.set(`id-${n}`, { n: -1 - n });
      for (let n = 500; n < 600; n++) await store.set(`id-${n}`, { n });
      await store.set("\uD800", { n: 600 });
      await store.delete("id-3");
      let after;
      const parses = parsesBy(t, () => (after = walk(store)));
      t.true(parses < 20, `${parses}`);
      const expected = before
        .map((value, n) => (n % 2 === 0 ? { n: -1 - n } : value))
        .filter((_, n) => n !== 3);
      for (let n = 500; n <= 600; n++) expected.push({ n });
      t.deepEqual(after, expected);
      t.is(after[1], before[1]);
      t.deepEqual(walk(store), expected);
      t.true(walk(store).every((value, n) => value === after[n]));
    },
  );
}

test.serial("filter() after a batch of many changes that failed, finds what was there before", async (t) => {
  const records = numbered(200, TEXT);
  const store = await openAgain(t, records, { compacts: true });
  store.all();
  for (let n = 0; n < 200; n += 2) await store.set(`id-${n}`, { n: -1 - n });
  await t.throwsAsync(
    refusedBatch(store, () => {
      for (let n = 0; n < 200; n++) store.set(`id-${n}`, { n: 7 });
      t.is(store.filter(({ n }) => n === 7).length, 200);
    }),
  );
  t.deepEqual(
    store.filter(() => true).map(({ n }) => n),
    records.map((_, n) => (n % 2 === 0 ? -1 - n : n)),
  );
});

const failing = {
  "set a new record twice": (store) => [1, 2].forEach((n) => store.set("new", { n })),
  "set and deleted a new record": (store) => {
    store.set("new", { n: 1 });
    store.delete("new");
  },
  "deleted a record and set it again": (store) => {
    store.delete("id-3");
    store.set("id-3", { n: -3 });
  },
};

for (const [what, change] of Object.entries(failing)) {
  test.serial(`a batch that fails after it ${what}, shows what was there before`, async (t) => {
    const records = numbered(10, "x");
    const store = await openAgain(t, records, { compacts: true });
    store.all();
    await t.throwsAsync(refusedBatch(store, () => change(store)));
    t.is(store.count(), 10);
    t.false(store.has("new"));
    t.deepEqual(store.entries(), records);
  });
}

/** Walks so often that all objects are kept. */
function keepAll(store) {
  for (let walk = 0; walk < 3; walk++) store.filter(() => true);
}

class RefusingBackend extends FsBackend {
  isFull = false;

  async appendOps(...args) {
    if (this.isFull) throw new Error("no space left");
    return super.appendOps(...args);
  }
}

function refusedBatch(store, change) {
  return store.batch(() => {
    change();
    throw new Error("given up");
  });
}

const changes = {
  "that only updates": (store) => store.set("id-5", { n: "new" }),
  "that adds": (store) => store.set("new", { n: "new" }),
  "that deletes": (store) => store.delete("id-5"),
  "that moves a record to the end": (store) => {
    store.delete("id-5");
    store.set("id-5", { n: "new" });
  },
  "that looks at what it changed": (store) => {
    store.set("id-5", { n: "new" });
    store.delete("id-6");
    store.get("id-5");
    store.all();
  },
};
for (const [which, change] of Object.entries(changes)) {
  test.serial(`filter() after a batch ${which} and fails, parses nothing again but ids`, async (t) => {
    const store = await openFilled(t);
    keepAll(store);
    const before = store.entries();
    await t.throwsAsync(
      refusedBatch(store, () => change(store)),
      { message: "given up" },
    );
    let after;
    const parsed = parsedBy(t, () => {
      t.is(store.filter(() => true).length, RECORDS);
      after = store.entries();
    });
    t.true(parsed < RECORDS * 15, `${parsed} characters were parsed`);
    t.deepEqual(
      after.map(([id]) => id),
      before.map(([id]) => id),
    );
    t.true(after.every(([, value], index) => value === before[index][1]));
  });
}

test.serial("filter() after an append through a backend fails, parses little but ids", async (t) => {
  const backend = new RefusingBackend();
  const store = await openFilled(t, { backend });
  keepAll(store);
  backend.isFull = true;
  await t.throwsAsync(store.set("id-5", { n: "new" }));
  await t.throwsAsync(store.delete("id-6"));
  await t.throwsAsync(store.batch(() => store.delete("id-7")));
  let entries;
  const parsed = parsedBy(t, () => (entries = store.entries()));
  t.true(parsed < RECORDS * 15, `${parsed} characters were parsed`);
  t.deepEqual(entries[5], ["id-5", { n: 5, text: TEXT }]);
  t.deepEqual(
    entries.map(([, { n }]) => n),
    Array.from({ length: RECORDS }, (_, n) => n),
  );
});

test.serial("filter() of a reader after it saw an undo, parses little but ids", async (t) => {
  const folder = await temporaryFolder(t);
  const [store, reader] = [new Store(), new Store()];
  await store.open(folder, manual);
  await store.batch(() => {
    for (let n = 0; n < RECORDS; n++) store.set(`id-${n}`, { n, text: TEXT });
  });
  await reader.open(folder, { readOnly: true });
  t.teardown(() => Promise.all([store.close(), reader.close()]));
  await store.set("id-5", { n: "new" });
  await reader.tail();
  keepAll(reader);
  await store.undo();
  await reader.tail();
  let entries;
  const parsed = parsedBy(t, () => (entries = reader.entries()));
  t.true(parsed < RECORDS * 15, `${parsed} characters were parsed`);
  t.deepEqual(entries[5], ["id-5", { n: 5, text: TEXT }]);
});

everywhere("get() after a batch fails, returns the object that it returned before", async (t) => {
  for (const backend of [undefined, memoryBackend(memoryBucket())]) {
    const store = new Store();
    await store.open(await temporaryFolder(t), { ...manual, backend });
    for (const id of ["a", "b", "c"]) await store.set(id, { id });
    const before = ["a", "b", "c"].map((id) => store.get(id));
    await t.throwsAsync(
      refusedBatch(store, () => {
        store.set("a", { id: "other" });
        t.deepEqual(store.get("a"), { id: "other" });
        store.delete("b");
        store.delete("c");
        store.set("c", { id: "other" });
        store.set("d", { id: "d" });
        t.deepEqual(store.get("d"), { id: "d" });
      }),
      { message: "given up" },
    );
    for (const [index, id] of ["a", "b", "c"].entries()) t.is(store.get(id), before[index]);
    t.is(store.get("d"), undefined);
    t.is(store.count(), 3);
    t.deepEqual(
      store.entries().map(([id]) => id),
      ["a", "b", "c"],
    );
    await store.close();
  }
});

everywhere(
  "entries() within a batch that fails, the first look at all records, leaves them in place",
  async (t) => {
    const store = new Store();
    await store.open(await temporaryFolder(t), manual);
    t.teardown(() => store.close());
    for (const id of ["a", "b", "c"]) await store.set(id, { id });
    await t.throwsAsync(
      refusedBatch(store, () => {
        store.set("a", { id: "other" });
        store.delete("b");
        store.set("d", { id: "d" });
        t.is(store.entries().length, 3);
        store.set("c", { id: "other" });
      }),
      { message: "given up" },
    );
    t.deepEqual(
      store.entries(),
      ["a", "b", "c"].map((id) => [id, { id }]),
    );
  },
);

test.serial("all() with a cacheSize, looks for the oldest objects in one go", async (t) => {
  const cacheSize = RECORDS / 4;
  const store = await openFilled(t, { cacheSize });
  for (let n = 0; n < RECORDS; n += 2) store.get(`id-${n}`);
  const { keys } = Map.prototype;
  let iterators = 0;
  Map.prototype.keys = function () {
    iterators += 1;
    return keys.call(this);
  };
  try {
    for (let walk = 0; walk < 3; walk++) t.is(store.all().length, RECORDS);
    for (let n = 0; n < RECORDS; n++) store.get(`id-${n}`);
    t.is(store.filter(() => true).length, RECORDS);
  } finally {
    Map.prototype.keys = keys;
  }
  t.true(iterators < 100, `${iterators} iterators for the evictions`);
  const kept = parsedBy(t, () => {
    for (let n = RECORDS - cacheSize; n < RECORDS; n++) store.get(`id-${n}`);
  });
  t.is(kept, 0, "the newest are kept");
});

for (const options of [{}, { cacheSize: 3 }])
  test.serial(
    `filter(), the first one, whose predicate gets and sets other records, hands on the objects that get() has given, with ${JSON.stringify(options)}`,
    async (t) => {
      const store = await openFilled(t, options);
      const got = new Map();
      let isSet = false;
      const kept = store.filter(({ n }) => {
        // Records that come later, right behind those that this walk keeps, and one that it kept before.
        if (n % 500 === 100) got.set(n + 1, store.get(`id-${n + 1}`));
        if (n === 3000) {
          store.set("id-0", { n: -1 });
          isSet = true;
        }
        return n % 500 === 0 || got.has(n);
      });
      t.true(isSet);
      t.deepEqual(
        kept.map(({ n }) => n),
        [...Array(12).keys()].flatMap((n) => [n * 500, n * 500 + 101]),
      );
      for (const object of kept) if (got.has(object.n)) t.is(object, got.get(object.n));
      t.deepEqual(store.get("id-0"), { n: -1 });
    },
  );
