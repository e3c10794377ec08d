/** fetch() of folders and of stores in memory: with skipLoad too it finds what is stored. */
import test from "ava";
import { Store } from "../../index.mjs";
import { Random } from "../helpers/schema-versions.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };
const unloaded = { readOnly: true, skipLoad: true };

/** Opens stores in a new folder, which are closed at the end. */
async function newFolder(t) {
  const folder = await temporaryFolder(t);
  return async (options) => {
    const store = new Store();
    await store.open(folder, { ...manual, ...options });
    t.teardown(() => store.close().catch(() => {}));
    return store;
  };
}

everywhere("fetch() of a store that has loaded its records, gives what get() gives", async (t) => {
  const open = await newFolder(t);
  const store = await open();
  await store.set("a", { n: 1 });
  t.is(await store.fetch("a"), store.get("a"));
  for (const id of ["b", 7, undefined]) t.is(await store.fetch(id), undefined);
  const memory = new Store();
  await memory.open(":memory:");
  await memory.set("a", { n: 1 });
  t.is(await memory.fetch("a"), memory.get("a"));
  await memory.close();
  await t.throwsAsync(memory.fetch("a"), { code: "OPSLOG_NOT_OPEN" });
});

test("fetch() of a reader with skipLoad, shows snapshot and log as of the last look, and loads nothing", async (t) => {
  const open = await newFolder(t);
  const writer = await open();
  await writer.set("stored", { n: 1 });
  await writer.set("gone", { n: 1 });
  await writer.compact();
  await writer.delete("gone");
  await writer.set("logged", { n: 2 });
  const reader = await open(unloaded);
  const ids = ["stored", "gone", "logged", "none"];
  const fetched = () => Promise.all(ids.map((id) => reader.fetch(id)));
  t.deepEqual(await fetched(), [{ n: 1 }, undefined, { n: 2 }, undefined]);
  t.is(reader.get("stored"), undefined);
  t.is(reader.count(), 0);
  await writer.set("logged", { n: 3 });
  t.deepEqual(await reader.fetch("logged"), { n: 2 });
  await reader.refresh();
  t.deepEqual(await reader.fetch("logged"), { n: 3 });
  await writer.undo();
  await reader.tail();
  t.deepEqual(await reader.fetch("logged"), { n: 2 });
  await writer.compact();
  await reader.tail();
  t.deepEqual(await fetched(), [{ n: 1 }, undefined, { n: 2 }, undefined]);
});

for (const options of [{}, { writeMode: "group", groupCommitMs: 100_000 }, { agentId: "one" }]) {
  test(`fetch() of a writer with skipLoad and ${JSON.stringify(options)}, shows what it wrote and what is stored`, async (t) => {
    const open = await newFolder(t);
    const writer = await open(options.agentId ? { agentId: "other" } : {});
    await writer.set("stored", { n: 1 });
    await writer.compact();
    await writer.close();
    const store = await open({ skipLoad: true, ...options });
    t.deepEqual(await store.fetch("stored"), { n: 1 });
    store.set("stored", { n: 2 });
    store.set("new", { n: 1 });
    t.deepEqual(await store.fetch("stored"), { n: 2 });
    t.deepEqual(await store.fetch("new"), { n: 1 });
    await store.batch(() => {
      store.set("new", { n: 2 });
      store.fetch("new").catch(() => {});
      store.set("new", { n: 3 });
    });
    t.deepEqual(await store.fetch("new"), { n: 3 });
    await store.undo({ batch: true });
    t.deepEqual(await store.fetch("new"), { n: 1 });
  });
}

test("fetch() with skipLoad, a version and a reviver, gives migrated and revived values", async (t) => {
  const open = await newFolder(t);
  const writer = await open();
  await writer.set("a", { n: 1 });
  await writer.close();
  const reader = await open({
    ...unloaded,
    version: 2,
    migrate: (record) => ({ ...record, m: 1 }),
    reviver: (key, value) => (key === "n" ? new Date(value) : value),
  });
  t.deepEqual(await reader.fetch("a"), { n: new Date(1), m: 1 });
});

test("fetch() with skipLoad, while the store is closed, answers or rejects with OPSLOG_NOT_OPEN, and leaves nothing open", async (t) => {
  const open = await newFolder(t);
  const writer = await open();
  await writer.set("a", { n: 1 });
  await writer.close();
  const reader = await open(unloaded);
  const found = reader.fetch("a");
  await reader.close();
  t.deepEqual(await found.catch(({ code }) => ({ code })), { n: 1 });
  await t.throwsAsync(reader.fetch("a"), { code: "OPSLOG_NOT_OPEN" });
});

test("fetch() with skipLoad of random ids in random histories, gives what a store that loaded all gives", async (t) => {
  const open = await newFolder(t);
  const random = new Random(7);
  const writer = await open();
  await writer.set("id-0", { n: 0 });
  const reader = await open(unloaded);
  for (let step = 0; step < 300; step++) {
    const id = `id-${random.below(30)}`;
    const kind = random.below(10);
    if (kind < 5) await writer.set(id, { step });
    else if (kind < 7) await writer.delete(id).catch(() => {});
    else if (kind < 8) await writer.undo();
    else if (kind < 9) await writer.archive((_, archived) => archived === id, "2026-Q1");
    else await writer.compact();
    if (step % 5 !== 0) continue;
    await reader[step % 2 === 0 ? "tail" : "refresh"]();
    const asked = `id-${random.below(30)}`;
    t.deepEqual(await reader.fetch(asked), writer.get(asked), `${step}`);
  }
});
