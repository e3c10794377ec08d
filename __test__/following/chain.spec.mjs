/** Readers and agents that stay open while a folder changes hands, is put back from a copy, or is written by others. */
import { cp, readdir, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { idsOf, manual, openAgent, recordsIn } from "../helpers/agents.mjs";
import { flip, offsetOf } from "../helpers/damage.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

async function open(t, folder, options = {}) {
  const store = new Store();
  await store.open(folder, { ...manual, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

const recordsOf = (store) => Object.fromEntries(store.entries());

test("tail() of a reader of agents, the folder goes to a single writer, follows it and repeats nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openAgent(t, folder, "a");
  await agent.set("x", { n: 1 });
  await agent.set("gone", { n: 1 });
  const reader = await open(t, folder, { readOnly: true });
  await agent.close();
  const writer = await open(t, folder);
  await writer.set("x", { n: 2 });
  await writer.delete("gone");
  t.deepEqual(idsOf(await reader.tail()), ["x", "gone"]);
  t.deepEqual(recordsOf(reader), { x: { n: 2 } });
  t.deepEqual(await reader.tail(), []);
  await writer.set("y", { n: 3 });
  t.deepEqual(idsOf(await reader.tail()), ["y"]);
  t.deepEqual(recordsOf(reader), await recordsIn(folder));
});

test("tail() of a reader of a single writer, agents come, returns what both logged", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await open(t, folder);
  await writer.set("before", { n: 1 });
  const reader = await open(t, folder, { readOnly: true });
  await writer.set("late", { n: 1 });
  await writer.close();
  const [one, two] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "two")];
  await one.set("x", { n: 1 });
  await two.set("y", { n: 2 });
  await one.compact();
  await two.set("z", { n: 3 });
  t.deepEqual(idsOf(await reader.tail()).sort(), ["late", "x", "y", "z"]);
  t.deepEqual(recordsOf(reader), await recordsIn(folder));
  t.deepEqual(await reader.tail(), []);
});

test("tail() of a reader that polls while the first agent makes the folder, sees what it writes", async (t) => {
  for (let round = 0; round < 20; round++) {
    const folder = await temporaryFolder(t);
    const opening = openAgent(t, folder, "a");
    let reader = null;
    while (reader === null) reader = await open(t, folder, { readOnly: true }).catch(() => null);
    await opening;
    const agent = await openAgent(t, folder, "b");
    await agent.set("x", { n: 1 });
    t.deepEqual(idsOf(await reader.tail()), ["x"]);
  }
});

for (const how of ["deleted and copied back", "overwritten in place"]) {
  test(`tail() and refresh() of a reader, the folder of agents was ${how}, show what is there now`, async (t) => {
    const [folder, copy] = [await temporaryFolder(t), await temporaryFolder(t)];
    let agent = await openAgent(t, folder, "a");
    await agent.set("kept", { n: 1 });
    await agent.close();
    await cp(folder, copy, { recursive: true });
    const reader = await open(t, folder, { readOnly: true });
    agent = await openAgent(t, folder, "a");
    await agent.set("lost", { n: 2 });
    await agent.compact();
    await agent.set("kept", { n: 3 });
    t.deepEqual(idsOf(await reader.tail()), ["lost", "kept"]);
    await agent.close();
    if (how.startsWith("deleted"))
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    await cp(copy, folder, { recursive: true });
    t.deepEqual(await reader.tail(), []);
    t.deepEqual(recordsOf(reader), { kept: { n: 1 } });
    agent = await openAgent(t, folder, "a");
    await agent.set("other", { n: 4 });
    await agent.compact();
    await reader.refresh();
    t.deepEqual(recordsOf(reader), await recordsIn(folder));
  });
}

test("tail() of a reader, the folder of a single writer was put back behind a compaction, shows the old state", async (t) => {
  const [folder, copy] = [await temporaryFolder(t), await temporaryFolder(t)];
  let writer = await open(t, folder);
  await writer.set("a", { n: 1 });
  await writer.close();
  await cp(folder, copy, { recursive: true });
  const reader = await open(t, folder, { readOnly: true });
  writer = await open(t, folder);
  await writer.set("b", { n: 2 });
  await writer.compact();
  t.deepEqual(idsOf(await reader.tail()), ["b"]);
  await writer.close();
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
  await cp(copy, folder, { recursive: true });
  writer = await open(t, folder);
  await writer.set("c", { n: 3 });
  await writer.compact();
  await reader.refresh();
  t.deepEqual(recordsOf(reader), { a: { n: 1 }, c: { n: 3 } });
});

for (const [what, meet] of [
  ["write", (store) => store.set("own", { n: 0 })],
  ["batch", (store) => store.batch(() => store.set("own", { n: 0 }))],
  ["compact()", (store) => store.compact()],
  ["undo()", (store) => store.undo()],
]) {
  test(`tail() of an agent for the first time, its own ${what} came upon what others wrote, returns that`, async (t) => {
    const folder = await temporaryFolder(t);
    const [one, two] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "two")];
    await one.set("mine", { n: 0 });
    await two.set("a", { n: 1 });
    await two.compact();
    await two.set("b", { n: 2 });
    await meet(one);
    t.deepEqual(idsOf(await one.tail()), ["a", "b"]);
    t.deepEqual(await one.tail(), []);
  });
}

test("tail() of an agent after compactions of which it heard nothing, returns each operation once, in order", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, two] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "two")];
  const expected = [];
  for (let n = 0; n < 40; n++) {
    await two.set(`r${n}`, { n });
    expected.push(`r${n}`);
    if (n % 7 === 6) await two.compact();
    if (n % 5 === 4) await one.set("own", { n });
    if (n % 11 === 10) await one.compact();
  }
  t.deepEqual(idsOf(await one.tail()), expected);
});

for (const agentId of [undefined, "blind"]) {
  const who = agentId === undefined ? "a reader" : "an agent";
  test(`tail() of ${who} under skipLoad, returns what the logs hold and then what is new, as 0.8.1 does`, async (t) => {
    const folder = await temporaryFolder(t);
    const writer = agentId === undefined ? await open(t, folder) : await openAgent(t, folder, "writer");
    await writer.set("a", { n: 1 });
    const blind = await open(t, folder, { skipLoad: true, agentId, readOnly: agentId === undefined });
    t.deepEqual(idsOf(await blind.tail()), ["a"]);
    await writer.set("undone", { n: 2 });
    t.deepEqual(idsOf(await blind.tail()), ["undone"]);
    await writer.undo();
    await writer.set("longer than that", { n: 3 });
    t.deepEqual(idsOf(await blind.tail()), ["longer than that"]);
    await writer.archive(({ n }) => n === 1, "2026");
    await writer.set("b", { n: 4 });
    t.deepEqual(idsOf(await blind.tail()), ["b"]);
    t.deepEqual(blind.get("b"), { n: 4 });
  });
}

test("batch() of an agent, the manifest was touched, resolves", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openAgent(t, folder, "a");
  await agent.tail();
  await utimes(join(folder, "manifest.json"), new Date(), new Date(Date.now() + 5000));
  await agent.batch(() => agent.set("x", { n: 1 }));
  t.deepEqual(agent.get("x"), { n: 1 });
});

for (const skipLoad of [false, true]) {
  test(`streamSnapshot() of a reader with skipLoad ${skipLoad}, its snapshot was superseded and deleted, yields the current one`, async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await open(t, folder);
    await writer.set("a", { n: 1 });
    await writer.compact();
    const reader = await open(t, folder, { readOnly: true, skipLoad });
    await writer.set("b", { n: 2 });
    await writer.compact();
    await rm(join(folder, reader.getManifest().currentSnapshot));
    const entries = [];
    for await (const entry of reader.streamSnapshot()) entries.push(entry);
    t.deepEqual(entries, [
      ["a", { n: 1 }],
      ["b", { n: 2 }],
    ]);
    t.deepEqual(idsOf(await reader.tail()), ["b"]);
  });
}

test("streamSnapshot(), the snapshot that counts is gone, rejects with OPSLOG_IO", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await open(t, folder);
  await writer.set("a", { n: 1 });
  await writer.compact();
  const reader = await open(t, folder, { readOnly: true });
  const path = join(folder, reader.getManifest().currentSnapshot);
  await rm(path);
  const error = await t.throwsAsync(reader.streamSnapshot().next());
  t.is(error.code, "OPSLOG_IO");
  t.is(error.path, path);
});

test("get(), entries() and compact(), a record of an indexed snapshot is damaged, tell file and place", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await open(t, folder);
  await writer.batch(() => {
    for (let n = 0; n < 3000; n++) writer.set(`id-${n}`, { n, text: "x".repeat(500) });
  });
  await writer.close();
  const again = await open(t, folder);
  await again.compact();
  const path = join(folder, again.getManifest().currentSnapshot);
  await again.close();
  const offset = await offsetOf(path, '{"id":"id-2000"');
  await flip(path, offset, "#");
  for (const options of [{ readOnly: true }, {}]) {
    const store = await open(t, folder, options);
    const damage = {
      code: "OPSLOG_CORRUPT",
      message: `${path}: this line of the snapshot is no record (at byte ${offset})`,
    };
    for (const read of [() => store.get("id-2000"), () => store.entries(), () => store.filter(() => true)]) {
      const error = t.throws(read);
      t.like(error, { ...damage, path, offset });
    }
    if (!options.readOnly) {
      await store.set("id-1", { n: -1 });
      t.like(await t.throwsAsync(store.compact()), { ...damage, path, offset });
    }
    await store.close();
  }
});

for (const [when, logged, looks] of [
  ["whose log has operations", true, false],
  ["whose log is empty", false, false],
  ["which looks between them, and whose log has operations", true, true],
  ["which looks between them, and whose log is empty", false, true],
]) {
  test(`a reader ${when}, a writer through a subclass of FsBackend makes checkpoints, has the writer's records`, async (t) => {
    const folder = await temporaryFolder(t);
    const first = await open(t, folder);
    await first.set("a", { n: 1 });
    await first.compact();
    if (logged) await first.set("b", { n: 1 });
    await first.close();
    const writer = await open(t, folder, { backend: new (class extends FsBackend {})() });
    const reader = await open(t, folder, { readOnly: true });
    await writer.set("c", { n: 1 });
    await writer.delete("a");
    await writer.compact();
    await writer.set("d", { n: 1 });
    if (looks) {
      t.true(idsOf(await reader.tail()).includes("d"));
      t.deepEqual(recordsOf(reader), recordsOf(writer));
    }
    await writer.compact();
    await writer.set("e", { n: 1 });
    t.true(idsOf(await reader.tail()).includes("e"));
    t.deepEqual(recordsOf(reader), recordsOf(writer));
    await writer.close();
    // What it read from then on was written without a backend again.
    const last = await open(t, folder);
    await last.set("f", { n: 1 });
    await last.compact();
    await last.set("g", { n: 1 });
    t.deepEqual(idsOf(await reader.tail()), ["f", "g"]);
    t.deepEqual(recordsOf(reader), recordsOf(last));
  });
}

test("a reader in an empty store, a writer through a subclass of FsBackend comes and goes, has the records of both", async (t) => {
  const folder = await temporaryFolder(t);
  await (await open(t, folder)).close();
  const reader = await open(t, folder, { readOnly: true });
  const writer = await open(t, folder, { backend: new (class extends FsBackend {})() });
  for (const id of ["a", "b"]) {
    await writer.set(id, { n: 1 });
    await writer.compact();
  }
  await writer.set("c", { n: 1 });
  await writer.close();
  const last = await open(t, folder);
  await last.compact();
  await last.set("d", { n: 1 });
  await reader.tail();
  t.deepEqual(recordsOf(reader), recordsOf(last));
});
