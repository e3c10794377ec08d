/** Many writers through a backend that is a plain object, with and without conditional writes. */
import test from "ava";
import { Store } from "../../index.mjs";
import { gate, memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

async function openAgent(t, bucket, agentId, options = {}) {
  const { conditional, backend = memoryBackend(bucket, { conditional }), ...rest } = options;
  const store = new Store();
  await store.open("ignored", { ...manual, backend, agentId, ...rest });
  t.teardown(() => store.close().catch(() => {}));
  return { store, backend };
}

async function storedEntries(bucket) {
  const store = new Store();
  await store.open("ignored", { readOnly: true, backend: memoryBackend(bucket) });
  const entries = store.entries();
  await store.close();
  return Object.fromEntries(entries);
}

const clocks = (operations) => operations.map(({ agent, clock }) => `${agent}:${clock}`);

for (const conditional of [false, true]) {
  const how = conditional ? "with conditional writes" : "without conditional writes";

  test(`an append that lands behind another's snapshot is not lost, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one, backend } = await openAgent(t, bucket, "one", { conditional });
    const { store: two } = await openAgent(t, bucket, "two", { conditional });
    await two.set("early", { n: 1 });
    const snapshot = gate(backend, "writeSnapshot");
    const compacted = one.compact();
    await snapshot.reached;
    await two.set("late", { n: 2 });
    snapshot.open();
    await compacted;
    t.deepEqual(await storedEntries(bucket), { early: { n: 1 }, late: { n: 2 } });
    await one.refresh();
    t.deepEqual(Object.fromEntries(one.entries()), { early: { n: 1 }, late: { n: 2 } });
  });

  test(`archive() under skipLoad of two agents at once to one period, the segment has the records of both, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const stores = [];
    for (const agentId of ["one", "two"]) {
      const backend = memoryBackend(bucket, { conditional });
      // A backend that reads the segment, and writes it anew some time later.
      backend.writeArchiveSegment = async (period, records) => {
        const path = `archive-${period}.json`;
        const before = bucket.files.get(path) ?? [];
        for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
        bucket.files.set(path, [...new Map([...before, ...records])]);
        return path;
      };
      const { store } = await openAgent(t, bucket, agentId, { backend, skipLoad: true });
      await store.set(agentId, { n: 1 });
      stores.push(store);
    }
    t.deepEqual(await Promise.all(stores.map((store) => store.archive(() => true, "2026-Q1"))), [1, 1]);
    t.deepEqual([...(await stores[0].loadArchive("2026-Q1")).keys()].sort(), ["one", "two"]);
    t.deepEqual(await storedEntries(bucket), {});
  });

  test(`an append on its way to a log that is sealed meanwhile is appended again, once, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one } = await openAgent(t, bucket, "one", { conditional });
    const { store: two, backend } = await openAgent(t, bucket, "two", { conditional });
    await two.refresh();
    const append = gate(backend, "appendOps");
    const written = two.set("k", { n: 1 });
    await append.reached;
    await one.set("k", { n: 0 });
    await one.compact();
    append.open();
    await written;
    t.deepEqual(await storedEntries(bucket), { k: { n: 1 } });
    t.deepEqual(
      (await one.tail()).map(({ id, data }) => [id, data]),
      [["k", { n: 1 }]],
    );
    t.deepEqual(await one.tail(), []);
    t.true(two.getOps().at(-1).clock > 1);
  });

  test(`an append that a compaction read in time, but not its writer, shows once, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one } = await openAgent(t, bucket, "one", { conditional });
    const { store: two, backend } = await openAgent(t, bucket, "two", { conditional });
    const { store: three } = await openAgent(t, bucket, "three", { conditional });
    const appended = gate(backend, "appendOps", "after");
    const written = two.batch(() => {
      two.set("a", { n: 1 });
      two.set("b", { n: 1 });
      two.delete("a");
    });
    await appended.reached;
    t.is((await three.tail()).length, 3);
    await one.compact();
    appended.open();
    await written;
    t.deepEqual(await three.tail(), []);
    t.deepEqual(await storedEntries(bucket), { b: { n: 1 } });
    await one.compact();
    t.deepEqual(await storedEntries(bucket), { b: { n: 1 } });
  });

  test(`agents that open a fresh store at once are all registered, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const ids = ["one", "two", "__proto__", "constructor", "toString", "six"];
    const agents = await Promise.all(ids.map((id) => openAgent(t, bucket, id, { conditional })));
    await Promise.all(agents.map(({ store }, n) => store.set(`by-${ids[n]}`, { n })));
    t.is(Object.keys(await storedEntries(bucket)).length, ids.length);
    t.deepEqual(Object.keys(bucket.manifest.activeAgentOps).sort(), [...ids].sort());
    for (const { store } of agents) {
      await store.refresh();
      t.is(store.count(), ids.length);
    }
    await agents[2].store.compact();
    await Promise.all(agents.map(({ store }, n) => store.set(`again-${ids[n]}`, { n })));
    t.is(Object.keys(await storedEntries(bucket)).length, 2 * ids.length);
  });

  test(`a compaction that dies behind its seal loses nothing, and the next one ends it, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one, backend } = await openAgent(t, bucket, "one", { conditional });
    const { store: two } = await openAgent(t, bucket, "two", { conditional });
    await one.set("a", { n: 1 });
    await two.set("b", { n: 1 });
    backend.before = async (name) => {
      if (name === "writeSnapshot") throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    };
    await t.throwsAsync(one.compact(), { message: /no space/ });
    await one.set("a", { n: 2 });
    await two.set("c", { n: 1 });
    const all = { a: { n: 2 }, b: { n: 1 }, c: { n: 1 } };
    t.deepEqual(await storedEntries(bucket), all);
    t.true(Object.keys(bucket.manifest.activeAgentOps).some((key) => key.startsWith("sealed/")));
    await two.compact();
    t.false(Object.keys(bucket.manifest.activeAgentOps).some((key) => key.startsWith("sealed/")));
    t.deepEqual(await storedEntries(bucket), all);
  });

  test(`compactions of several agents at once, under load, lose nothing, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const expected = {};
    const ids = ["one", "two", "three", "four"];
    const agents = await Promise.all(
      ids.map((id) => openAgent(t, bucket, id, { conditional, checkpointThreshold: 7 })),
    );
    await Promise.all(
      agents.map(async ({ store }, which) => {
        for (let n = 0; n < 60; n++) {
          const id = `${ids[which]}-${n % 20}`;
          await store.set(id, { n });
          expected[id] = { n };
          if (n % 9 === 8) await store.compact();
          if (n % 11 === 10) {
            await store.set("undone", { by: which });
            await store.undo();
          }
          if (n % 13 === 12) await store.refresh();
        }
      }),
    );
    const { undone: _undone, ...stored } = await storedEntries(bucket);
    t.deepEqual(stored, expected);
    for (const { store } of agents) await store.refresh();
    const [first, ...others] = agents.map(({ store }) => JSON.stringify(store.entries()));
    for (const other of others) t.is(other, first);
  });

  test(`undo() takes back the agent's own last operation wherever others have read it, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one } = await openAgent(t, bucket, "one", { conditional });
    const { store: two } = await openAgent(t, bucket, "two", { conditional });
    await one.set("a", { n: 1 });
    await two.set("b", { n: 1 });
    await one.set("a", { n: 2 });
    await two.refresh();
    t.true(await one.undo());
    t.deepEqual(one.get("a"), { n: 1 });
    t.deepEqual(await storedEntries(bucket), { a: { n: 1 }, b: { n: 1 } });
    t.deepEqual(await two.tail(), []);
    t.deepEqual(two.get("a"), { n: 1 });
    await two.compact();
    t.false(await one.undo());
    t.deepEqual(await storedEntries(bucket), { a: { n: 1 }, b: { n: 1 } });
    await one.set("a", { n: 3 });
    t.true(await one.undo());
    t.deepEqual(await storedEntries(bucket), { a: { n: 1 }, b: { n: 1 } });
  });

  test(`undo() while another's compaction is under way says what becomes of the record, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one, backend } = await openAgent(t, bucket, "one", { conditional });
    const { store: two } = await openAgent(t, bucket, "two", { conditional });
    await two.set("kept", { n: 1 });
    await two.set("a", { n: 1 });
    const snapshot = gate(backend, "writeSnapshot");
    const compacted = one.compact();
    await snapshot.reached;
    const undone = two.undo();
    // With conditional writes it comes to its end beside the compaction; otherwise it waits for that.
    if (conditional) await undone;
    snapshot.open();
    await compacted;
    const isUndone = await undone;
    t.is(isUndone, conditional);
    const expected = isUndone ? { kept: { n: 1 } } : { kept: { n: 1 }, a: { n: 1 } };
    t.deepEqual(await storedEntries(bucket), expected);
    await two.compact();
    t.deepEqual(await storedEntries(bucket), expected);
  });

  test(`the clock goes on above all that was seen after a compaction and under skipLoad, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one } = await openAgent(t, bucket, "one", { conditional });
    for (let n = 0; n < 5; n++) await one.set("a", { n });
    await one.compact();
    await one.close();
    for (const skipLoad of [false, true]) {
      const { store } = await openAgent(t, bucket, "two", { conditional, skipLoad });
      await store.set("a", { skipLoad });
      t.true(store.getOps().at(-1).clock > 5);
      await store.close();
    }
    t.deepEqual(await storedEntries(bucket), { a: { skipLoad: true } });
  });

  test(`a clock that an old version dropped from the manifest is put back, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one } = await openAgent(t, bucket, "one", { conditional });
    for (let n = 0; n < 5; n++) await one.set("a", { n });
    await one.compact();
    for (const name of ["clock", "generation", "stamp", "sessions", "quiet", "retired"]) {
      delete bucket.manifest[name];
    }
    bucket.version += 1;
    await one.refresh();
    await one.set("a", { n: 5 });
    t.is(one.getOps().at(-1).clock, 6);
    await one.compact();
    t.is(bucket.manifest.clock, 6);
  });

  test(`a second store with the same agentId takes over, and the first is refused, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: first } = await openAgent(t, bucket, "one", { conditional });
    await first.set("a", { n: 1 });
    const { store: second } = await openAgent(t, bucket, "one", { conditional });
    await t.throwsAsync(first.set("b", { n: 1 }), { code: "OPSLOG_LOCKED", message: /'one'/ });
    await second.set("c", { n: 1 });
    t.is((await storedEntries(bucket)).c.n, 1);
  });

  test(`open() with the agentId of a process that died keeps what it wrote behind what others had written, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: other } = await openAgent(t, bucket, "other", { conditional });
    const { store: dead } = await openAgent(t, bucket, "agent", { conditional });
    await other.set("k", { n: 1 });
    await dead.refresh();
    await dead.set("k", { n: 2 });
    const expected = { k: { n: 2 } };
    for (let life = 0; life < 3; life++) {
      const { store } = await openAgent(t, bucket, "agent", { conditional });
      await other.refresh();
      for (const each of [store, other]) t.deepEqual(Object.fromEntries(each.entries()), expected);
      t.deepEqual(await storedEntries(bucket), expected);
    }
    await other.set("k", { n: 3 });
    await other.compact();
    t.deepEqual(await storedEntries(bucket), { k: { n: 3 } });
    t.true(Object.keys(bucket.manifest.activeAgentOps).every((key) => !key.includes("/")));
  });

  test(`a process that dies again and again before it writes leaves no logs behind, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: other } = await openAgent(t, bucket, "other", { conditional });
    await other.set("k", { n: 1 });
    for (let life = 0; life < 12; life++) await openAgent(t, bucket, "agent", { conditional });
    t.true(Object.keys(bucket.manifest.activeAgentOps).length <= 4);
    t.deepEqual(await storedEntries(bucket), { k: { n: 1 } });
  });

  test(`a single writer takes over what agents left, and keeps them out, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one } = await openAgent(t, bucket, "one", { conditional });
    await one.set("a", { n: 1 });
    await one.set("a", { n: 2 });
    const single = new Store();
    await single.open("ignored", { ...manual, backend: memoryBackend(bucket, { conditional }) });
    t.deepEqual(single.get("a"), { n: 2 });
    await single.set("a", { n: 3 });
    await t.throwsAsync(one.set("a", { n: 4 }), { code: "OPSLOG_LOCKED" });
    t.deepEqual(await storedEntries(bucket), { a: { n: 3 } });
    await single.close();
    await one.set("b", { n: 1 });
    t.deepEqual(await storedEntries(bucket), { a: { n: 3 }, b: { n: 1 } });
    const { store: two } = await openAgent(t, bucket, "two", { conditional });
    t.deepEqual(Object.fromEntries(two.entries()), { a: { n: 3 }, b: { n: 1 } });
    await two.compact();
    t.deepEqual(await storedEntries(bucket), { a: { n: 3 }, b: { n: 1 } });
  });

  test(`agents that fell silent give up their log, and get one when they write again, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const { store: one } = await openAgent(t, bucket, "one", { conditional });
    const { store: two } = await openAgent(t, bucket, "two", { conditional });
    for (let n = 0; n < 3; n++) {
      await one.set("a", { n });
      await one.compact();
    }
    t.deepEqual(Object.keys(bucket.manifest.activeAgentOps), ["one"]);
    await two.set("b", { n: 1 });
    await one.compact();
    t.deepEqual(await storedEntries(bucket), { a: { n: 2 }, b: { n: 1 } });
  });
}

test("a conditional write of the manifest alone would lose an append: no seal, the same schedule", async (t) => {
  const bucket = memoryBucket();
  const { store: two } = await openAgent(t, bucket, "two", { conditional: true });
  await two.set("early", { n: 1 });
  // A compaction without a seal, by hand: read everything, write the snapshot, swap on condition.
  const backend = memoryBackend(bucket, { conditional: true });
  const version = await backend.getManifestVersion();
  const manifest = await backend.readManifest();
  const operations = await backend.readOps(manifest.activeAgentOps.two);
  const records = new Map(operations.map(({ id, data }) => [id, data]));
  const currentSnapshot = await backend.writeSnapshot(records, 1);
  await two.set("late", { n: 2 });
  const log = await backend.createAgentOpsFile("two");
  const next = { ...manifest, currentSnapshot, activeOps: log, activeAgentOps: { two: log } };
  t.not(await backend.writeManifestIf(next, version), null);
  t.deepEqual(await storedEntries(bucket), { early: { n: 1 } });
});

test("two compactions of which one holds a lock that was taken from it lose nothing", async (t) => {
  const bucket = memoryBucket();
  const { store: one, backend } = await openAgent(t, bucket, "one", { conditional: true });
  const { store: two } = await openAgent(t, bucket, "two", { conditional: true });
  await one.set("a", { n: 1 });
  const snapshot = gate(backend, "writeSnapshot");
  const compacted = one.compact();
  await snapshot.reached;
  bucket.locks.clear();
  await two.set("b", { n: 1 });
  await two.compact();
  await two.set("c", { n: 1 });
  snapshot.open();
  await compacted;
  await one.set("d", { n: 1 });
  t.deepEqual(Object.keys(await storedEntries(bucket)).sort(), ["a", "b", "c", "d"]);
});

test("without conditional writes, what an overwritten manifest had named is appended again", async (t) => {
  const bucket = memoryBucket();
  const { store: one } = await openAgent(t, bucket, "one");
  const { store: two } = await openAgent(t, bucket, "two");
  await one.set("a", { n: 1 });
  const before = JSON.parse(JSON.stringify(bucket.manifest));
  await two.compact();
  await one.set("b", { n: 1 });
  await one.set("c", { n: 1 });
  // A writer that held a lock which was not its own any more.
  bucket.manifest = { ...before, generation: bucket.manifest.generation + 1, stamp: "stale" };
  bucket.version += 1;
  await one.set("d", { n: 1 });
  t.deepEqual(Object.keys(await storedEntries(bucket)).sort(), ["a", "b", "c", "d"]);
  await two.refresh();
  t.is(two.count(), 4);
});

test("tail() returns the operations of others, once each, across compactions", async (t) => {
  const bucket = memoryBucket();
  const { store: one } = await openAgent(t, bucket, "one");
  const { store: two } = await openAgent(t, bucket, "two");
  const reader = new Store();
  await reader.open("ignored", { readOnly: true, backend: memoryBackend(bucket) });
  const [seenByOne, seenByReader] = [[], []];
  for (let n = 0; n < 12; n++) {
    await one.set("a", { n });
    await two.set("b", { n });
    if (n % 3 === 2) await (n % 2 === 0 ? one : two).compact();
    if (n % 5 === 4) seenByOne.push(...clocks(await one.tail()));
    if (n % 4 === 3) seenByReader.push(...clocks(await reader.tail()));
  }
  seenByOne.push(...clocks(await one.tail()));
  seenByReader.push(...clocks(await reader.tail()));
  t.is(seenByOne.length, 12);
  t.is(new Set(seenByOne).size, 12);
  t.true(seenByOne.every((seen) => seen.startsWith("two:")));
  t.is(seenByReader.length, 24);
  t.is(new Set(seenByReader).size, 24);
  await reader.close();
});

test("a read-only store with an agentId writes nothing", async (t) => {
  const bucket = memoryBucket();
  const { store: one } = await openAgent(t, bucket, "one");
  await one.set("a", { n: 1 });
  const before = JSON.stringify([bucket.manifest, [...bucket.files], [...bucket.locks]]);
  const { store: two, backend } = await openAgent(t, bucket, "two", { readOnly: true });
  t.deepEqual(two.get("a"), { n: 1 });
  await two.tail();
  await two.refresh();
  await two.close();
  t.is(JSON.stringify([bucket.manifest, [...bucket.files], [...bucket.locks]]), before);
  t.false(backend.calls.some((name) => /^(write|create|append|truncate|acquire)/.test(name)));
});

test("open() of an agent, the compaction lock can be taken twice, is refused", async (t) => {
  const backend = memoryBackend(memoryBucket(), { unsafeLock: true });
  const error = await t.throwsAsync(openAgent(t, null, "one", { backend }));
  t.is(error.code, "OPSLOG_UNSAFE_BACKEND");
  const single = new Store();
  await single.open("ignored", { ...manual, backend });
  await single.set("a", { n: 1 });
  await single.close();
});

test("open() of an agent, conditions of writes are ignored, is refused", async (t) => {
  const backend = memoryBackend(memoryBucket(), { conditional: true, ignoresConditions: true });
  const error = await t.throwsAsync(openAgent(t, null, "one", { backend }));
  t.is(error.code, "OPSLOG_UNSAFE_BACKEND");
});

test("archive() of an agent whose lock another holds rejects, and keeps the records", async (t) => {
  const bucket = memoryBucket();
  const { store: one } = await openAgent(t, bucket, "one");
  await one.set("a", { n: 1 });
  bucket.locks.add("compaction");
  await t.throwsAsync(
    one.archive(() => true, "2024-Q1"),
    { code: "OPSLOG_LOCKED", message: "Compaction lock held by another agent" },
  );
  t.deepEqual(one.get("a"), { n: 1 });
  t.deepEqual(one.listArchiveSegments(), []);
});

test("archive() of an agent keeps segments and deletions of others", async (t) => {
  const bucket = memoryBucket();
  const { store: one } = await openAgent(t, bucket, "one");
  const { store: two } = await openAgent(t, bucket, "two");
  for (const id of ["a", "b", "c", "d"]) await one.set(id, { n: 1 });
  await two.refresh();
  t.is(await one.archive((_, id) => id === "a", "2024-Q1"), 1);
  await one.delete("b");
  t.is(await two.archive((_, id) => id === "c" || id === "b", "2024-Q2"), 1);
  t.deepEqual(await storedEntries(bucket), { d: { n: 1 } });
  t.deepEqual(two.listArchiveSegments(), ["archive-2024-Q1.json", "archive-2024-Q2.json"]);
  t.deepEqual([...(await two.loadArchive("2024-Q2")).keys()], ["c"]);
  t.is(bucket.manifest.stats.archivedRecords, 2);
});

test("getWalOps() of an agent gives all agents' operations in their order", async (t) => {
  const bucket = memoryBucket();
  const { store: one } = await openAgent(t, bucket, "one", { skipLoad: true });
  const { store: two } = await openAgent(t, bucket, "two");
  await one.set("a", { n: 1 });
  await two.refresh();
  await two.set("b", { n: 1 });
  await one.refresh();
  const operations = [];
  for await (const operation of one.getWalOps()) operations.push(operation);
  t.deepEqual(clocks(operations), ["one:1", "two:2"]);
});

test("ties of the clock resolve by UTF-16 code units, whatever the order of reading", async (t) => {
  const bucket = memoryBucket();
  const ids = ["a", "B", "ä", "Z"];
  const agents = await Promise.all(ids.map((id) => openAgent(t, bucket, id)));
  await Promise.all(agents.map(({ store }, n) => store.set("k", { by: ids[n] })));
  t.deepEqual(await storedEntries(bucket), { k: { by: "ä" } });
});

test("sync() of the store reaches the backend's sync()", async (t) => {
  const backend = memoryBackend(memoryBucket());
  const synced = [];
  backend.sync = async () => void synced.push("sync");
  const { store } = await openAgent(t, null, "one", { backend });
  await store.set("a", { n: 1 });
  await store.sync();
  t.is(synced.length, 1);
});
