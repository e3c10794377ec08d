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

test("get() after a batch fails, returns the object that it returned before", async (t) => {
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
