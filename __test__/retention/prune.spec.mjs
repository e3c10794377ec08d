/** prune() and the option retain: what goes, what stays, and that a 0.8.1 opens what is left. */
import diagnostics from "node:diagnostics_channel";
import { appendFile, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import { Store } from "../../index.mjs";
import { setImmediate } from "node:timers/promises";
import { manual, openAgent } from "../helpers/agents.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { original } from "../helpers/original.mjs";
import { startStoreProcess } from "../helpers/processes.mjs";
import { guessedTimes, isoTimes, noTimes } from "../helpers/times.mjs";
import {
  contents,
  readManifest,
  reopened,
  storedEntries,
  temporaryFolder,
} from "../helpers/store-folder.mjs";

const names = async (folder, inside) => (await readdir(join(folder, inside))).sort();

async function opened(t, folder, options = {}) {
  const store = new Store();
  await store.open(folder, { ...manual, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

/** Logs operations and seals them, so often. */
async function seal(store, times, each = 3) {
  for (let n = 0; n < times; n++) {
    for (let i = 0; i < each; i++) await store.set(`id-${i}`, { n, i });
    await store.compact();
  }
}

for (const agentId of [undefined, "one"]) {
  const whose = agentId === undefined ? "a single writer" : "agents";
  test(`prune() with dryRun of a read-only store of ${whose}, tells what the writer's would delete, and changes no file`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = await opened(t, folder, { agentId });
    await seal(store, 5);
    await store.set("last", { n: 9 });
    const reader = await opened(t, folder, { readOnly: true });
    const before = await contents(folder);
    const told = await reader.prune({ dryRun: true });
    t.true(told.files > 0 && told.bytes > 0);
    t.deepEqual(
      await reader.prune({ dryRun: true, keepBytes: 1e9 }),
      await store.prune({ dryRun: true, keepBytes: 1e9 }),
    );
    await t.throwsAsync(reader.prune(), { code: "OPSLOG_READ_ONLY" });
    t.deepEqual(await contents(folder), before);
    t.deepEqual(await store.prune(), told);
  });
}

test("prune(), without limits, leaves the files in force, and 0.8.1 and verify() find the same as before", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await seal(store, 5);
  await store.set("last", { n: 9 });
  const expected = store.entries();
  const would = await store.prune({ dryRun: true });
  t.is((await names(folder, "ops")).length, 6);
  const before = await store.usage();
  t.deepEqual(await store.prune(), would);
  t.true(would.files >= 5 && would.bytes >= before.sealed.bytes);
  const { activeOps, currentSnapshot, pruned } = await readManifest(folder);
  t.deepEqual(await names(folder, "ops"), [activeOps.slice(4)]);
  t.deepEqual(await names(folder, "snapshots"), [currentSnapshot.slice(10)]);
  t.regex(pruned[0], /^ops\/ops-\d+\.jsonl$/);
  t.deepEqual(await store.prune(), { files: 0, bytes: 0 });
  t.is((await Store.verify(folder)).damageCount, 0);
  await store.set("after", { n: 10 });
  t.true(await store.undo());
  await store.close();
  t.deepEqual(await storedEntries(original.Store, folder), expected);
  t.deepEqual(await storedEntries(Store, folder), expected);
});

test("prune(), limits are given, keeps the newest logs up to them", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await seal(store, 2);
  const logs = await names(folder, "ops");
  await new Promise((resolve) => setTimeout(resolve, 20));
  const before = new Date();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await seal(store, 3);
  await store.prune({ before });
  const kept = await names(folder, "ops");
  t.is(kept.length, 4);
  t.false(kept.includes(logs[1]));
  t.deepEqual(await store.prune({ before: before.toISOString() }), { files: 0, bytes: 0 });
  const { sealed } = await store.usage();
  await store.prune({ keepBytes: Infinity });
  await store.prune({ keepBytes: sealed.bytes });
  t.deepEqual(await names(folder, "ops"), kept);
  await store.prune({ keepBytes: sealed.bytes - 1 });
  t.deepEqual(await names(folder, "ops"), kept.slice(1));
  await store.prune({ before: Date.now() + 1000 });
  t.is((await names(folder, "ops")).length, 1);
});

test("prune(), history was dated by a clock ten years ahead, deletes it by a time and by bytes", async (t) => {
  const folder = await temporaryFolder(t);
  const { now } = Date;
  const store = await opened(t, folder);
  Date.now = () => now() + 10 * 365 * 86_400_000;
  try {
    await seal(store, 3);
  } finally {
    Date.now = now;
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  const before = new Date();
  await store.set("a", { n: 1 });
  await store.prune({ before });
  t.is((await names(folder, "ops")).length, 1);
  await seal(store, 3);
  t.is((await names(folder, "ops")).length, 4);
  await store.prune({ keepBytes: 0 });
  t.is((await names(folder, "ops")).length, 1);
  t.is((await names(folder, "snapshots")).length, 1);
  const expected = store.entries();
  await store.close();
  t.deepEqual(await storedEntries(original.Store, folder), expected);
});

test("prune() beside changes() that lag behind, in either direction, keeps their logs, and they miss nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  const text = "x".repeat(2000);
  const wanted = [];
  for (let n = 0; n < 1200; n++) {
    await store.set(`id-${n % 10}`, { n, text });
    wanted.push(n);
    if (n % 400 === 399) await store.compact();
  }
  for (const options of [{ live: true }, { reverse: true }]) {
    const changes = store.changes(options);
    const found = [(await changes.next()).value.value.n];
    await store.prune();
    while (found.length < wanted.length) found.push((await changes.next()).value.value.n);
    await changes.return();
    t.deepEqual(options.reverse ? found.reverse() : found, wanted);
  }
  t.true((await store.prune()).files >= 3);
});

test("prune(), 0.8.1 left snapshots and logs, deletes them when it is asked to, and the option retain leaves its snapshots", async (t) => {
  const folder = await temporaryFolder(t);
  const theirs = new original.Store();
  await theirs.open(folder, manual);
  for (let n = 0; n < 4; n++) {
    await theirs.set("a", { n });
    await theirs.compact();
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  await theirs.close();
  await writeFile(join(folder, "snapshots", "snap-1.jsonl.7-0.tmp"), "left");
  const before = await names(folder, "snapshots");
  const retaining = await opened(t, folder, { retain: { checkpoints: 0 } });
  await retaining.set("a", { n: 5 });
  await retaining.compact();
  t.is((await names(folder, "ops")).length, 1);
  const after = await names(folder, "snapshots");
  t.true(before.filter((name) => !name.endsWith(".tmp")).every((name) => after.includes(name)));
  await retaining.prune();
  t.deepEqual(await names(folder, "snapshots"), [(await readManifest(folder)).currentSnapshot.slice(10)]);
  await retaining.close();
  t.deepEqual(await storedEntries(original.Store, folder), [["a", { n: 5 }]]);
});

for (const [what, retain, logs] of [
  ["checkpoints", { checkpoints: 2 }, 3],
  ["bytes", { bytes: 1 }, 1],
  ["ms", { ms: 0 }, 1],
  ["a limit that is never reached", { ms: 1e9, bytes: 1e9 }, 9],
  ["no limit", {}, 9],
]) {
  test(`retain, ${what}, deletes sealed logs behind each checkpoint, also that of close()`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, { retain, checkpointThreshold: 3, checkpointOnClose: true });
    for (let n = 0; n < 3; n++) {
      await seal(store, 2, 2);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await store.set("b", { n: 1 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.close();
    const found = await names(folder, "ops");
    t.true(logs === 9 ? found.length >= 7 : found.length === logs, `${found}`);
    t.is((await storedEntries(original.Store, folder)).length, 3);
  });
}

test("prune(), a reader in another process has not read yet, keeps what it needs until it has, or is killed", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await store.set("a", { n: 0 });
  const reader = await startStoreProcess(t);
  await reader.call("open", folder, { readOnly: true });
  const lazy = await startStoreProcess(t);
  await seal(store, 3, 2);
  await lazy.call("open", folder, { readOnly: true });
  await seal(store, 2, 2);
  await store.prune();
  t.is((await names(folder, "ops")).length, 6);
  t.is((await reader.call("tail")).length, 10);
  // The second reader began three checkpoints later.
  await store.prune();
  t.is((await names(folder, "ops")).length, 3);
  t.is((await lazy.call("tail")).length, 4);
  await store.prune();
  t.is((await names(folder, "ops")).length, 1);
  await seal(store, 2, 2);
  await lazy.call("refresh");
  await reader.kill();
  await store.prune();
  t.is((await names(folder, "ops")).length, 1);
});

test("prune(), an agent that has called tail() misses nothing, and one that never did holds nothing back", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  const two = await openAgent(t, folder, "two");
  const three = await openAgent(t, folder, "three");
  await two.tail();
  await three.set("three", { n: 1 });
  await seal(one, 3, 2);
  const held = await one.prune();
  t.true((await names(folder, "ops")).length > 3, JSON.stringify(held));
  t.is((await two.tail()).length, 7);
  await one.prune();
  t.is((await names(folder, "ops")).length, 3);
  for (const agent of [one, two, three]) await agent.refresh();
  await three.set("three", { n: 2 });
  t.deepEqual(
    (await two.tail()).map(({ data }) => data),
    [{ n: 2 }],
  );
  for (const agent of [one, two, three]) await agent.close();
  t.is((await storedEntries(Store, folder)).length, 3);
});

test("prune() among agents, retain is given, sealed logs go with each compaction of any of them", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one", { retain: { checkpoints: 1 } });
  const two = await openAgent(t, folder, "two", { retain: { checkpoints: 1 } });
  for (let n = 0; n < 4; n++) {
    await two.set("two", { n });
    await seal(one, 1, 2);
    await one.set("one", { n });
    await seal(two, 1, 2);
  }
  // Two logs in force; of the last compaction one log of each agent.
  t.true((await names(folder, "ops")).length <= 4, `${await names(folder, "ops")}`);
  t.deepEqual((await storedEntries(Store, folder, { readOnly: true })).map(([id]) => id).sort(), [
    "id-0",
    "id-1",
    "one",
    "two",
  ]);
});

test("prune() while writes and checkpoints go on, loses none of them", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder, { checkpointThreshold: 20 });
  const pruning = [];
  for (let n = 0; n < 600; n++) {
    await store.set(`id-${n % 50}`, { n });
    if (n % 37 === 0) pruning.push(store.prune());
    if (n % 101 === 0) pruning.push(store.compact());
  }
  pruning.push(store.archive((value) => value.n === 599, "p"));
  await Promise.all(pruning);
  const expected = store.entries();
  t.is(expected.length, 49);
  await store.close();
  t.deepEqual(await storedEntries(original.Store, folder), expected);
});

test("close() waits for a prune() that was called before it", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await seal(store, 4);
  const pruning = store.prune();
  await store.close();
  t.true((await pruning).files >= 4);
  t.is((await names(folder, "ops")).length, 1);
});

test("prune(), the signal aborts, rejects with its reason and leaves an end of the history", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await seal(store, 4);
  const logs = await names(folder, "ops");
  await t.throwsAsync(store.prune({ signal: AbortSignal.abort(new Error("enough")) }), { message: "enough" });
  t.deepEqual(await names(folder, "ops"), logs);
  const abort = new AbortController();
  const pruning = store.prune({ signal: abort.signal });
  abort.abort(new Error("enough"));
  await pruning.catch(({ message }) => t.is(message, "enough"));
  const left = await names(folder, "ops");
  t.deepEqual(left, logs.slice(-left.length));
  const told = [];
  await store.prune({ onProgress: (state) => told.push(state) });
  t.true(told.every(({ phase, unit }) => phase === "prune" && unit === "files"));
});

test("prune() and retain, what is given makes no sense, reject and name it", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  for (const [options, error] of [
    [{ before: {} }, TypeError],
    [{ before: "yesterday" }, RangeError],
    [{ before: Number.NaN }, RangeError],
    [{ keepBytes: "1" }, TypeError],
    [{ keepBytes: -1 }, RangeError],
    [{ keepBytes: 1.5 }, RangeError],
    [{ dryRun: 1 }, TypeError],
    [{ signal: {} }, TypeError],
    [{ keepbytes: 1 }, TypeError],
  ]) {
    await t.throwsAsync(store.prune(options), { instanceOf: error, code: "OPSLOG_INVALID_ARGUMENT" });
  }
  for (const [retain, error] of [
    [1, TypeError],
    [{ bytes: -1 }, RangeError],
    [{ ms: "1" }, TypeError],
    [{ checkpoints: 0.5 }, RangeError],
  ]) {
    await t.throwsAsync(new Store().open(folder, { retain }), {
      instanceOf: error,
      code: "OPSLOG_INVALID_ARGUMENT",
    });
  }
  t.deepEqual(await store.prune(undefined), { files: 0, bytes: 0 });
});

test("prune() with the text of a time that at() would refuse rejects with OPSLOG_INVALID_ARGUMENT and deletes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await seal(store, 3);
  const before = await contents(folder);
  for (const text of [...guessedTimes, ...noTimes]) {
    const message = `option before must be a time such as "2026-01-31T12:00:00.000Z", got ${JSON.stringify(text)}`;
    const error = { instanceOf: RangeError, code: "OPSLOG_INVALID_ARGUMENT", message };
    await t.throwsAsync(store.prune({ before: text }), error);
  }
  for (const [, iso] of isoTimes.filter(([, iso]) => /^[12]/.test(iso))) {
    for (const time of [new Date(iso), iso, Date.parse(iso)]) {
      t.deepEqual(await store.prune({ before: time }), { files: 0, bytes: 0 });
    }
  }
  t.deepEqual(await contents(folder), before);
});

test("prune() with null for an option or for all of them rejects with OPSLOG_INVALID_ARGUMENT and deletes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await seal(store, 3);
  const before = await contents(folder);
  for (const [options, message] of [
    [null, "options must be an object, got null"],
    [{ before: null }, /^option before must be .*, got null$/],
    [{ before: new Date(0), keepBytes: null }, "option keepBytes must be a number, got null"],
    [{ dryRun: null }, "option dryRun must be a boolean, got null"],
  ]) {
    const error = { instanceOf: TypeError, code: "OPSLOG_INVALID_ARGUMENT", message };
    await t.throwsAsync(store.prune(options), error);
  }
  t.deepEqual(await contents(folder), before);
  const kept = { before: undefined, keepBytes: Infinity, dryRun: undefined, signal: null, onProgress: null };
  t.deepEqual(await store.prune(kept), { files: 0, bytes: 0 });
});

test("prune() and retain in memory delete the oldest operations, and prune() tells how many bytes they have", async (t) => {
  const memory = await opened(t, ":memory:", {});
  await seal(memory, 5);
  const { position } = memory;
  const wanted = await memory.prune({ keepBytes: 0, dryRun: true });
  t.true(wanted.files > 0 && wanted.bytes > 0);
  t.deepEqual(await memory.prune({ keepBytes: 0 }), wanted);
  t.deepEqual(await memory.prune({ keepBytes: 0 }), { files: 0, bytes: 0 });
  t.is(memory.position, position);
  t.is((await memory.usage()).log.bytes, 0);
  const bounded = await opened(t, ":memory:", { retain: { bytes: 0 } });
  await seal(bounded, 5);
  t.deepEqual(await bounded.prune({ keepBytes: 0 }), { files: 0, bytes: 0 });
});

for (const where of ["in memory", "in a folder"]) {
  test(`retain ${where} keeps what a listener has not been told, and a changes() that lags has not read`, async (t) => {
    const folder = where === "in memory" ? ":memory:" : await temporaryFolder(t);
    const store = await opened(t, folder, { checkpointThreshold: 3, retain: { checkpoints: 1 } });
    const told = [];
    store.on("change", (changes) => {
      for (const { value } of changes) told.push(value.n);
    });
    await store.set("id", { n: 0 });
    const lagging = store.changes({ after: store.position, live: true });
    const first = lagging.next();
    for (let n = 1; n <= 100; n++) await store.set("id", { n });
    const wanted = Array.from({ length: 101 }, (_, n) => n);
    const read = [(await first).value.value.n];
    while (read.length < 100) read.push((await lagging.next()).value.value.n);
    t.deepEqual(read, wanted.slice(1));
    await lagging.return();
    await store.compact();
    await store.close();
    t.deepEqual(told, wanted);
  });
}

for (const [whose, options] of [
  ["an agent", { agentId: "one" }],
  ["a single writer in async mode", { writeMode: "async" }],
  ["a single writer", {}],
]) {
  test(`prune() and compact() of ${whose}, not awaited before close(), resolve, and so does close()`, async (t) => {
    for (let round = 0; round < 60; round++) {
      const store = await opened(t, await temporaryFolder(t), { ...options, checkpointThreshold: 2 });
      for (let n = 0; n < 4 + (round % 4); n++) await store.set(`id-${n}`, { n });
      const calls = [
        store.set("late", { n: 1 }),
        store.compact(),
        store.prune(),
        store.set("later", { n: 2 }),
        ...(round % 3 === 0 ? [store.prune({ keepBytes: 0 }), store.compact()] : []),
      ];
      await t.notThrowsAsync(Promise.all([...calls, store.close()]), `round ${round}`);
    }
  });
}

for (const where of ["in memory", "in a folder"]) {
  test(`prune() ${where} deletes what only a changes() would read that its caller has dropped`, async (t) => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc");
    const folder = where === "in memory" ? ":memory:" : await temporaryFolder(t);
    const store = await opened(t, folder, { checkpointThreshold: Infinity });
    await store.set("id", { n: 0 });
    const begin = async (options) => void (await store.changes(options).next());
    await begin({});
    await begin({ live: true });
    await seal(store, 3);
    let files = 0;
    for (let look = 0; look < 500 && files === 0; look++) {
      collect();
      await setImmediate();
      ({ files } = await store.prune({ keepBytes: 0 }));
    }
    t.true(files > 0);
    await store.close();
  });
}

for (const [kind, kept, options] of [
  ["in memory", ":memory:", () => ({})],
  ["behind a backend", "kept", (bucket) => ({ backend: memoryBackend(bucket, { deletes: true }) })],
  [
    "behind a backend of agents",
    "kept",
    (bucket) => ({ backend: memoryBackend(bucket, { deletes: true }), agentId: "one" }),
  ],
]) {
  test(`prune() ${kind} beside checkpoints, archives and undone batches, all resolve, and changes() reads what is left`, async (t) => {
    const beside = {
      "compact()": (store) => store.compact(),
      "archive()": (store) => store.archive(({ i }) => i === 1),
      "undo({ batch: true })": (store) => store.undo({ batch: true }),
    };
    for (const [what, call] of Object.entries(beside)) {
      for (let turns = 0; turns < 12; turns++) {
        const bucket = memoryBucket();
        const store = await opened(t, kept, options(bucket));
        await seal(store, 3);
        await store.batch(() => {
          store.set("id-3", { n: 3, i: 3 });
          store.set("id-4", { n: 3, i: 4 });
        });
        const pruned = store.prune({ keepBytes: 0 });
        for (let turn = 0; turn < turns; turn++) await setImmediate();
        await t.notThrowsAsync(Promise.all([pruned, call(store)]), `${what} after ${turns} turns`);
        await store.set("late", { n: 4, i: 0 });
        const changes = [];
        for await (const { id } of store.changes()) changes.push(id);
        t.is(changes.at(-1), "late");
        const entries = [...store];
        await store.close();
        if (kept === ":memory:") continue;
        const again = await opened(t, kept, options(bucket));
        t.deepEqual([...again], entries);
        await again.close();
      }
    }
  });
}

test("usage() tells every byte of the folder, and stats() what it told before", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await seal(store, 3);
  await store.archive((value) => value.i === 0, "old");
  await store.set("b", { n: 1 });
  await mkdir(join(folder, "blobs", "deep"), { recursive: true });
  await writeFile(join(folder, "blobs", "deep", "x"), "12345");
  await appendFile(join(folder, "ops", "ops-1.jsonl.torn"), "123");
  const usage = await store.usage();
  let bytes = 0;
  let files = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files++;
    bytes += (await stat(join(entry.parentPath ?? entry.path, entry.name))).size;
  }
  const kinds = Object.values(usage);
  t.is(
    kinds.reduce((sum, kind) => sum + kind.bytes, 0),
    bytes,
  );
  t.is(
    kinds.reduce((sum, kind) => sum + kind.files, 0),
    files,
  );
  t.deepEqual(Object.keys(usage), [
    "snapshot",
    "superseded",
    "log",
    "sealed",
    "archives",
    "indexes",
    "other",
  ]);
  t.like(usage, { snapshot: { files: 1 }, log: { files: 1 }, sealed: { files: 4 }, archives: { files: 1 } });
  t.deepEqual(store.stats(), { activeRecords: 3, opsCount: 1, archiveSegments: 1 });
  const reader = await opened(t, folder, { readOnly: true });
  t.deepEqual(await reader.usage(), usage);
});

test("open() with what prune() left, killed between any two of its files, twice in a row", async (t) => {
  const folder = await temporaryFolder(t);
  let n = 0;
  for (let cycle = 0; cycle < 2; cycle++) {
    const writer = await startStoreProcess(t);
    await writer.call("open", folder, manual);
    for (let i = 0; i < 40; i++) {
      await writer.call("set", "a", { n: ++n });
      await writer.call("compact");
    }
    writer.call("prune").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, cycle));
    await writer.kill();
    const left = await names(folder, "ops");
    t.is((await Store.verify(folder)).damageCount, 0);
    await reopened(Store, folder, async (store) => {
      t.deepEqual(store.get("a"), { n });
      await store.set("b", { cycle });
      await store.prune();
    });
    t.true(left.length >= 1);
    t.is((await names(folder, "ops")).length, 1);
    t.deepEqual((await storedEntries(original.Store, folder))[0], ["a", { n }]);
  }
});

test("retain, the folder of indexes cannot be read, is reported on the channel opslog:prune-failed and fails no call", async (t) => {
  const folder = await temporaryFolder(t);
  const failed = new Promise((resolve) => {
    const listen = (message) => message.folder === folder && resolve(message.error);
    diagnostics.subscribe("opslog:prune-failed", listen);
    t.teardown(() => diagnostics.unsubscribe("opslog:prune-failed", listen));
  });
  const store = await opened(t, folder, { retain: { checkpoints: 0 } });
  await rm(join(folder, "index"), { recursive: true, force: true });
  await writeFile(join(folder, "index"), "no folder");
  await store.set("a", { n: 1 });
  await store.compact();
  t.is((await failed).code, "OPSLOG_IO");
});

test("prune() deletes what archive() noted of logs that go, backup() with sealedLogs copies it, and at() shows the records", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await store.set("old", { n: 1 });
  await store.set("new", { n: 2 });
  const { position } = store;
  await store.set("new", { n: 4 });
  await store.archive(({ n }) => n === 1, "2026");
  await store.set("new", { n: 3 });
  const notes = async (inside) =>
    (await names(inside, "index")).filter((name) => name.startsWith("archived-"));
  t.is((await notes(folder)).length, 1);
  const copy = join(await temporaryFolder(t), "copy");
  await store.backup(copy, { sealedLogs: true });
  t.deepEqual(await notes(copy), await notes(folder));
  const copied = await opened(t, copy, { readOnly: true });
  const view = await copied.at(position);
  t.deepEqual(view.entries().sort(), [
    ["new", { n: 2 }],
    ["old", { n: 1 }],
  ]);
  view.close();
  // The place directly before the archive can still be named, until the log behind it goes.
  await store.prune();
  t.is((await notes(folder)).length, 1);
  await t.throwsAsync(store.at(position), { code: "OPSLOG_POSITION_GONE" });
  await store.prune();
  t.is((await notes(folder)).length, 1);
  await store.compact();
  await store.prune();
  t.deepEqual(await notes(folder), []);
});
