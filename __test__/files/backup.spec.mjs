import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";
import test from "ava";
import { Store } from "../../index.mjs";
import { manual, openAgent } from "../helpers/agents.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { original } from "../helpers/original.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { strayFiles } from "../helpers/stored-state.mjs";
import { contents, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
const index = new URL("../../index.mjs", import.meta.url).href;
const invalid = { code: "OPSLOG_INVALID_ARGUMENT" };
const padding = "x".repeat(100_000);

/** Two pieces of a copy. */
async function fill(store) {
  for (let n = 0; n < 250; n++) await store.set(`padding-${n}`, padding);
}

async function copyFolder(t) {
  return join(await temporaryFolder(t), "copy");
}

/** What both versions find in a copy, by id, without padding. */
async function found(t, folder) {
  t.deepEqual(strayFiles(folder), []);
  const theirs = await storedEntries(original.Store, folder);
  const ours = await storedEntries(Store, folder);
  t.deepEqual(ours, theirs);
  return Object.fromEntries(ours.filter(([id]) => !id.startsWith("padding")));
}

/** Asserts that `prefix`-0, -1 ... are there without a gap, and returns how many. */
function countInOrder(t, records, prefix) {
  const numbers = Object.keys(records).filter((id) => id.startsWith(prefix));
  t.deepEqual(
    numbers,
    numbers.map((_, n) => `${prefix}${n}`),
  );
  return numbers.length;
}

/** Writes until `isOver`: single records, pairs in batches, checkpoints, and changes that are undone. */
async function storm(store, isOver, counts) {
  const awaited = [];
  for (let n = 0; !isOver(); n++) {
    awaited.push(store.set(`log-${n}`, { n }).then(() => counts.acknowledged++));
    counts.written = n + 1;
    if (n % 7 === 0) {
      await store.batch(() => {
        store.set("left", { n });
        store.set("right", { n });
      });
    }
    if (n % 5 === 0) {
      const undone = store.set("undone", { n });
      await Promise.all([undone, store.undo()]);
    }
    if (n % 3000 === 2999) awaited.push(store.compact());
    if (n % 16 === 0) await turn();
  }
  await Promise.all(awaited);
}

for (const options of [{}, { writeMode: "group", durability: "interval" }]) {
  test.serial(
    `backup() under a storm of writes with ${JSON.stringify(options)}, a copy holds one moment between the call and its end`,
    async (t) => {
      const { store } = await openOurs(t, { ...manual, ...options });
      await fill(store);
      let isOver = false;
      const counts = { acknowledged: 0, written: 0 };
      const storming = storm(store, () => isOver, counts);
      while (counts.acknowledged < 50) await turn();
      for (let round = 0; round < 2; round++) {
        const folder = await copyFolder(t);
        const before = counts.acknowledged;
        const { bytes, files } = await store.backup(folder);
        const after = counts.written;
        t.true(bytes > 20_000_000 && files >= 3);
        const records = await found(t, folder);
        const count = countInOrder(t, records, "log-");
        t.true(before <= count && count <= after, `${before} <= ${count} <= ${after}`);
        t.deepEqual(records.left, records.right);
        // The change that is undone may be there, at a moment before it was: never for long.
        if (records.undone !== undefined) t.true(records.undone.n >= count - 2);
        delete records.undone;
      }
      isOver = true;
      await storming;
      t.true(counts.written > 0);
      await store.close();
    },
  );
}

test("backup(), with archives and a history, a copy has them and goes its own way", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("old", { year: 2025 });
  await store.set("kept", { n: 1 });
  await store.archive((_, id) => id === "old", "2025-Q1");
  await store.set("kept", { n: 2 });
  await store.set("more", { n: 3 });
  const before = await contents(folder);
  const copy = await copyFolder(t);
  await store.backup(copy);
  t.deepEqual(await contents(folder), before);
  const second = new Store();
  await second.open(copy, manual);
  t.deepEqual([...(await second.loadArchive("2025-Q1"))], [["old", { year: 2025 }]]);
  t.deepEqual(
    second.getOps().map(({ id }) => id),
    ["kept", "more"],
  );
  t.true(await second.undo());
  t.true(await second.undo());
  t.deepEqual(second.entries(), [["kept", { n: 1 }]]);
  await second.close();
  t.deepEqual(store.get("kept"), { n: 2 });
});

test("backup(), sealed logs are asked for, copies them byte for byte, and without that leaves them out", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  for (let n = 0; n < 3; n++) {
    await store.set("a", { n });
    await store.compact();
  }
  const [without, complete] = [await copyFolder(t), await copyFolder(t)];
  await store.backup(without);
  await store.backup(complete, { sealedLogs: true });
  t.is((await readdir(join(without, "ops"))).length, 1);
  const logs = ([name]) => name.startsWith("ops");
  t.deepEqual(
    Object.entries(await contents(complete)).filter(logs),
    Object.entries(await contents(folder)).filter(logs),
  );
});

test("backup() of agents under a storm of writes, no copy holds an operation without those that came before it", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, two, three] = await Promise.all(["one", "two", "three"].map((id) => openAgent(t, folder, id)));
  let isOver = false;
  let written = 0;
  const chain = (async () => {
    for (; !isOver; written++) {
      await one.set(`log-${written}`, { n: written });
      await two.set(`echo-${written}`, { n: written });
      if (written % 16 === 0) await turn();
    }
  })();
  const undoing = (async () => {
    for (let n = 0; !isOver; n++) {
      await three.set(`undone-${n}`, { n, text: "x".repeat(n % 50) });
      await three.undo();
      if (n % 16 === 0) await turn();
      if (n % 100 === 99) await three.compact();
    }
  })();
  while (written < 20) await turn();
  for (let round = 0; round < 6; round++) {
    const copy = await copyFolder(t);
    const before = written;
    await [one, two, three][round % 3].backup(copy);
    const after = written + 1;
    const records = Object.fromEntries(await storedEntries(Store, copy, { readOnly: true }));
    const count = countInOrder(t, records, "log-");
    const echoes = countInOrder(t, records, "echo-");
    t.true(before <= count && count <= after, `${before} <= ${count} <= ${after}`);
    t.true(echoes === count || echoes === count - 1, `${echoes} echoes of ${count}`);
    t.true(Object.keys(records).filter((id) => id.startsWith("undone")).length <= 1);
    const agent = await openAgent(t, copy, "one");
    await agent.set("own", {});
    await agent.close();
  }
  isOver = true;
  await Promise.all([chain, undoing]);
});

test("backup() of a read-only store while another process writes, writes nothing to the folder and misses nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await openInProcess(t, folder, manual);
  const acknowledged = [];
  writer.onLine((line) => acknowledged.push(line));
  writer.call("writeForEver", "log", true).catch(() => {});
  while (acknowledged.length < 100) await turn();
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  for (let round = 0; round < 5; round++) {
    const copy = await copyFolder(t);
    const before = acknowledged.length;
    await reader.backup(copy);
    const records = Object.fromEntries(await storedEntries(Store, copy));
    const count = countInOrder(t, records, "log-");
    t.true(count >= before, `${count} >= ${before}`);
  }
  await writer.kill();
  const still = await contents(folder);
  const copy = await copyFolder(t);
  await reader.backup(copy);
  t.deepEqual(await contents(folder), still);
  t.deepEqual(await storedEntries(Store, copy), await storedEntries(Store, folder, { readOnly: true }));
  await reader.close();
});

test("backup(), the process is killed in the middle, both versions refuse what it left, twice", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await fill(store);
  await store.close();
  for (let life = 0; life < 2; life++) {
    const copy = await copyFolder(t);
    const program = `
      import { Store } from ${JSON.stringify(index)};
      const store = new Store();
      await store.open(${JSON.stringify(folder)}, { checkpointOnClose: false });
      await store.set("life-${life}", {});
      const { signal } = new AbortController();
      let looks = 0;
      signal.throwIfAborted = () => {
        if (++looks < 3) return;
        process.stdout.write("in the middle\\n");
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      };
      await store.backup(${JSON.stringify(copy)}, { signal });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "close");
    t.true(existsSync(join(copy, "snapshots")));
    for (const readOnly of [true, false]) {
      await t.throwsAsync(new Store().open(copy, { readOnly }), { code: "OPSLOG_CORRUPT" });
      await t.throwsAsync(new original.Store().open(copy, { readOnly }), { message: /version must be/ });
    }
    t.truthy(Object.fromEntries(await storedEntries(Store, folder))[`life-${life}`]);
  }
});

test("backup() to a folder that cannot be, rejects and leaves everything as it was", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("a", {});
  const elsewhere = await temporaryFolder(t);
  await writeFile(join(elsewhere, "mine"), "mine");
  await symlink(folder, join(elsewhere, "into"), "junction");
  const before = [await contents(folder), await contents(elsewhere)];
  const refused = [
    elsewhere,
    folder,
    join(folder, "copy"),
    join(folder, "ops", "..", "deep", "copy"),
    join(elsewhere, "into", "copy"),
    join(elsewhere, "mine"),
    join(elsewhere, "mine", "copy"),
  ];
  for (const target of refused) await t.throwsAsync(store.backup(target), invalid, target);
  for (const target of [undefined, null, "", 1, {}, "a\0b"]) {
    await t.throwsAsync(store.backup(target), { ...invalid, instanceOf: TypeError }, String(target));
  }
  for (const options of [1, { sealedLogs: 1 }, { onProgress: true }, { signal: {} }]) {
    await t.throwsAsync(store.backup(join(elsewhere, "copy"), options), {
      ...invalid,
      instanceOf: TypeError,
    });
  }
  t.deepEqual([await contents(folder), await contents(elsewhere)], before);
});

test("backup() into an empty folder, and two at once into one, one of them succeeds", async (t) => {
  const { store } = await openOurs(t, manual);
  await store.set("a", { n: 1 });
  const folder = await temporaryFolder(t);
  const outcomes = await Promise.allSettled([store.backup(folder), store.backup(folder)]);
  t.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  t.is(outcomes.find(({ status }) => status === "rejected").reason.code, "OPSLOG_INVALID_ARGUMENT");
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
});

test("backup(), the signal is aborted, rejects with its reason and leaves nothing", async (t) => {
  const { store } = await openOurs(t, manual);
  await fill(store);
  const copy = await copyFolder(t);
  for (const whenLooked of [1, 2, 3]) {
    const { signal } = new AbortController();
    const thrown = new Error("of the caller");
    let looks = 0;
    signal.throwIfAborted = () => {
      if (++looks === whenLooked) throw thrown;
    };
    t.is(await t.throwsAsync(store.backup(copy, { signal })), thrown);
    t.is(looks, whenLooked);
    t.false(existsSync(copy));
  }
  const told = [];
  const { bytes } = await store.backup(copy, { onProgress: (progress) => told.push(progress) });
  t.deepEqual(told.at(-1), { phase: "backup", done: bytes, total: bytes, unit: "bytes" });
});

test("backup() of a store that is closed meanwhile, ends before close() does", async (t) => {
  const { store } = await openOurs(t, manual);
  await fill(store);
  const copy = await copyFolder(t);
  const ended = [];
  const copying = store.backup(copy).then(() => ended.push("backup"));
  const closing = store.close().then(() => ended.push("close"));
  await t.throwsAsync(
    Promise.resolve()
      .then(() => closing)
      .then(() => store.backup(copy)),
    { code: "OPSLOG_NOT_OPEN" },
  );
  await copying;
  t.deepEqual(ended, ["backup", "close"]);
  t.is((await storedEntries(Store, copy)).length, 250);
});

test("backup() of a store behind a backend of the caller's, says so", async (t) => {
  const backend = memoryBackend(memoryBucket());
  const store = new Store();
  await store.open("anywhere", { backend });
  await t.throwsAsync(store.backup(await copyFolder(t)), { ...invalid, message: /backend/ });
  await store.close();
});

test("backup() and an exit of the process before it ends, a folder that is refused is all that can be left", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await fill(store);
  await store.close();
  const copy = await copyFolder(t);
  const program = `
    import { Store } from ${JSON.stringify(index)};
    const store = new Store();
    await store.open(${JSON.stringify(folder)}, { checkpointOnClose: false });
    const { signal } = new AbortController();
    let looks = 0;
    signal.throwIfAborted = () => ++looks === 3 && process.exit(7);
    await store.backup(${JSON.stringify(copy)}, { signal });`;
  await t.throwsAsync(run(process.execPath, ["--input-type=module", "-e", program]), { code: 7 });
  if (existsSync(copy)) await t.throwsAsync(storedEntries(Store, copy), { code: "OPSLOG_CORRUPT" });
  t.is((await storedEntries(Store, folder)).length, 250);
});
