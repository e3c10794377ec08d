import { execFile } from "node:child_process";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { openAgent, recordsIn } from "../helpers/agents.mjs";
import { storedEntries, temporaryFolder, walOperations } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const run = promisify(execFile);
const index = new URL("../../index.mjs", import.meta.url).href;
const manual = { checkpointThreshold: Number.MAX_SAFE_INTEGER, checkpointOnClose: false };

async function opened(t, options) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { ...manual, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return { store, folder };
}

/** Runs a program in a process of its own; how it ends is the answer. */
function program(folder, body) {
  const source = `import { Store } from ${JSON.stringify(index)};
const store = new Store();
const folder = ${JSON.stringify(folder)};
${body}`;
  return run(process.execPath, ["--input-type=module", "-e", source], { timeout: 30_000 });
}

for (const options of [
  { durability: "always" },
  { durability: "interval", syncIntervalMs: 5 },
  { durability: "always", writeMode: "group" },
  { durability: "always", writeMode: "async" },
  { durability: "always", agentId: "one" },
  { durability: "interval", syncIntervalMs: 5, agentId: "one" },
]) {
  test(`open() with ${JSON.stringify(options)}, writes, undo, batches and a checkpoint, closes and opens with what was there`, async (t) => {
    const { store, folder } = await opened(t, options);
    await store.set("a", { n: 1 });
    await store.set("b", { n: 2 });
    await store.batch(() => {
      store.set("c", { n: 3 });
      store.delete("a");
    });
    await store.set("d", { n: 4 });
    t.true(await store.undo());
    await store.flush();
    const compacting = store.compact();
    await Promise.all(Array.from({ length: 50 }, (_, n) => store.set(`late-${n}`, { n })));
    await compacting;
    await store.sync();
    await store.close();
    await store.open(folder, { ...manual, ...options });
    t.deepEqual(store.get("c"), { n: 3 });
    t.is(store.get("a"), undefined);
    t.is(store.get("d"), undefined);
    t.is(store.count(), 52);
  });
}

test("set() with durability always, many at once, resolve in the order of the calls and are in the log by then", async (t) => {
  const { store, folder } = await opened(t, { durability: "always" });
  const order = [];
  const writes = Array.from({ length: 300 }, (_, n) => store.set(`id-${n}`, { n }).then(() => order.push(n)));
  t.is(store.count(), 300);
  await writes[0];
  t.true((await walOperations(folder)).length >= 1);
  await Promise.all(writes);
  t.deepEqual(
    order,
    Array.from({ length: 300 }, (_, n) => n),
  );
  t.is((await walOperations(folder)).length, 300);
});

everywhere("set() with durability always, the value cannot be stored, rejects alone", async (t) => {
  const { store } = await opened(t, { durability: "always" });
  const results = await Promise.allSettled([
    store.set("a", { n: 1 }),
    store.set("b", undefined),
    store.delete("missing"),
    store.set("c", { n: 3 }),
  ]);
  t.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected", "fulfilled"],
  );
  t.is(results[1].reason.code, "OPSLOG_INVALID_VALUE");
  t.is(results[2].reason.code, "OPSLOG_NOT_FOUND");
});

test("open() with a custom backend and durability, rejects with OPSLOG_INVALID_ARGUMENT", async (t) => {
  class Wrapped extends FsBackend {}
  for (const durability of ["always", "interval"]) {
    const store = new Store();
    const folder = await temporaryFolder(t);
    await t.throwsAsync(store.open(folder, { backend: new Wrapped(), durability }), {
      code: "OPSLOG_INVALID_ARGUMENT",
    });
    await store.open(folder, { backend: new Wrapped() });
    await store.close();
  }
});

test("open() with readOnly and durability, reads", async (t) => {
  const { store, folder } = await opened(t, { durability: "always" });
  await store.set("a", { n: 1 });
  const reader = new Store();
  await reader.open(folder, { readOnly: true, durability: "always" });
  t.deepEqual(reader.get("a"), { n: 1 });
  await reader.close();
});

test("a process whose store with durability always stays open, ends by itself, and not before what it awaits", async (t) => {
  const folder = await temporaryFolder(t);
  const { stdout } = await program(
    folder,
    `await store.open(folder, { durability: "always" });
await store.set("a", { n: 1 });
console.log("resolved");`,
  );
  t.is(stdout.trim(), "resolved");
  const interval = await program(
    await temporaryFolder(t),
    `await store.open(folder, { durability: "interval", syncIntervalMs: 600000 });
await store.set("a", { n: 1 });
console.log("resolved");`,
  );
  t.is(interval.stdout.trim(), "resolved");
  const store = new Store();
  await store.open(folder, { readOnly: true });
  t.deepEqual(store.get("a"), { n: 1 });
  await store.close();
});

test("a worker that is terminated while its store with durability always syncs, ends", async (t) => {
  const folder = await temporaryFolder(t);
  const { Worker } = await import("node:worker_threads");
  for (let round = 0; round < 10; round++) {
    const worker = new Worker(fileURLToPath(new URL("../helpers/endless-writer.mjs", import.meta.url)), {
      workerData: { folder: `${folder}/${round}`, options: { ...manual, durability: "always" } },
    });
    await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    t.is(typeof (await worker.terminate()), "number");
  }
});

test("set() with durability always behind a batch, takes effect before the batch is durable", async (t) => {
  const { store } = await opened(t, { durability: "always" });
  let isBatchDone = false;
  const batch = store.batch(() => store.set("a", { n: 1 })).then(() => (isBatchDone = true));
  const later = store.set("b", { n: 2 });
  for (let microtasks = 0; microtasks < 50; microtasks++) await null;
  t.deepEqual([store.count(), isBatchDone], [2, false]);
  await Promise.all([batch, later]);
});

test("close() with durability always, writes were called but not awaited, lets their callers hear of it first", async (t) => {
  const { folder, store } = await opened(t, { durability: "always" });
  let resolved = 0;
  for (let n = 0; n < 100; n++) store.set(`id-${n}`, { n }).then(() => resolved++);
  await store.close();
  t.is(resolved, 100);
  t.is((await storedEntries(Store, folder)).length, 100);
});

test("set() and undo() with durability always, a checkpoint every few operations, are found again", async (t) => {
  const { folder, store } = await opened(t, { durability: "always", checkpointThreshold: 7 });
  const expected = new Map();
  for (let n = 0; n < 200; n++) {
    const id = `id-${n % 50}`;
    const before = expected.get(id);
    await store.set(id, { n });
    expected.set(id, { n });
    if (n % 9 !== 0 || !(await store.undo())) continue;
    if (before === undefined) expected.delete(id);
    else expected.set(id, before);
  }
  await store.close();
  t.deepEqual(Object.fromEntries(await storedEntries(Store, folder)), Object.fromEntries(expected));
});

for (const writeMode of ["group", "async"]) {
  test(`set() in ${writeMode} mode with durability always, resolves at once, and flush() writes and syncs`, async (t) => {
    const { folder, store } = await opened(t, { writeMode, durability: "always", groupCommitMs: 60_000 });
    let resolved = false;
    store.set("a", { n: 1 }).then(() => (resolved = true));
    // Microtasks alone bring no sync.
    for (let n = 0; n < 20; n++) await null;
    t.true(resolved);
    t.deepEqual(await walOperations(folder), []);
    await store.flush();
    t.is((await walOperations(folder)).length, 1);
    await store.batch(() => store.set("b", { n: 2 }));
    t.is((await walOperations(folder)).length, 2);
  });
}

for (const durability of ["interval", "always"]) {
  test(`under skipLoad with durability ${durability}, writes, batches and archives resolve`, async (t) => {
    const { folder, store } = await opened(t, { durability, skipLoad: true });
    await store.set("a", { n: 1 });
    await store.batch(() => store.set("b", { n: 2 }));
    t.is(await store.archive(({ n }) => n === 1), 1);
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), [["b", { n: 2 }]]);
  });

  test(`agents with durability ${durability}, write, undo and compact beside each other`, async (t) => {
    const folder = await temporaryFolder(t);
    const one = await openAgent(t, folder, "one", { durability });
    const other = await openAgent(t, folder, "other", { durability });
    for (let n = 0; n < 20; n++) {
      await Promise.all([one.set(`one-${n}`, { n }), other.set(`other-${n}`, { n })]);
      if (n % 5 === 4) await one.compact();
    }
    await other.set("gone", { n: 0 });
    t.true(await other.undo());
    await Promise.all([one.close(), other.close()]);
    t.is(Object.keys(await recordsIn(folder)).length, 40);
  });

  test(`open() with an unmodified FsBackend and durability ${durability}, writes`, async (t) => {
    const { store } = await opened(t, { durability, backend: new FsBackend() });
    await t.notThrowsAsync(store.set("a", { n: 1 }));
  });
}

const linux = process.platform === "linux" ? test.serial : test.skip;
linux("close() with durability always, ends the thread that syncs", async (t) => {
  const threads = () =>
    readdirSync("/proc/self/task").filter((id) => {
      try {
        return readFileSync(`/proc/self/task/${id}/comm`, "utf8") === "opslog-sync\n";
      } catch {
        return false;
      }
    }).length;
  while (threads() > 0) await delay(5);
  const { store } = await opened(t, { durability: "always" });
  await store.set("a", { n: 1 });
  t.is(threads(), 1);
  await store.close();
  while (threads() > 0) await delay(5);
  t.is(threads(), 0);
});

// Windows does not remove the folder of an open file.
const posix = process.platform === "win32" ? test.skip : test;

for (const options of [{ checkpointOnClose: true }, { writeMode: "group" }]) {
  posix(
    `close() with durability always and ${JSON.stringify(options)} fails, writes that wait for a sync settle before`,
    async (t) => {
      const { store, folder } = await opened(t, { durability: "always", ...options });
      const settled = [];
      const written = store.batch(() => store.set("a", { n: 1 })).then(() => settled.push("batch"));
      // Microtasks alone: the sync has not been heard of when close() begins.
      while (store.count() === 0) await null;
      rmSync(path.join(folder, "ops"), { recursive: true });
      store.set("b", { n: 2 }).catch(() => {});
      const closed = store.close().finally(() => settled.push("close"));
      await t.throwsAsync(closed, { code: "OPSLOG_IO" });
      await written;
      t.deepEqual(settled, ["batch", "close"]);
    },
  );
}
