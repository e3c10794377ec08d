import { execFile } from "node:child_process";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";
import { Store } from "../../index.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const index = new URL("../../index.mjs", import.meta.url).href;

/** Runs a program; `folder` is there for it. */
function program(folder, body, shell) {
  const source = `import { Store } from ${JSON.stringify(index)}; const folder = ${JSON.stringify(folder)};\n${body}`;
  const command = [process.execPath, "--input-type=module", "-e", source];
  if (shell === undefined) return run(command[0], command.slice(1));
  return run("sh", ["-c", `${shell} && exec "$@"`, "sh", ...command]);
}

test("50 worker threads that are terminated while they write, lose nothing that was acknowledged and leave no thread or descriptor", async (t) => {
  const program = join(root, "campaigns", "soak-workers.mjs");
  const { stdout } = await run(process.execPath, [program, "--workers", "50"]);
  const { workers, records, before, after } = JSON.parse(stdout);
  t.is(workers, 50);
  t.true(records > 500);
  if (before !== null) t.true(after.threads <= before.threads && after.descriptors <= before.descriptors);
});

test("a worker thread that is terminated in the middle of an agent's batch, while a compaction waits for its end, ends", async (t) => {
  const folder = await temporaryFolder(t);
  // In a process of its own: a thread that never ends would keep this one.
  const worker = `
    import { parentPort } from "node:worker_threads";
    import { setTimeout as delay } from "node:timers/promises";
    import { Store } from ${JSON.stringify(index)};
    const store = new Store();
    await store.open(${JSON.stringify(folder)}, { agentId: "one", checkpointOnClose: false });
    for (let round = 0; ; round++) {
      await store.set("a", { round });
      store.compact().catch(() => {});
      await delay(1);
      await store.batch(() => {
        store.set("b", { round });
        const until = Date.now() + 20;
        while (Date.now() < until);
        if (round === 5) parentPort.postMessage("in a batch");
        while (round >= 5);
      });
    }`;
  const body = `
    import { Worker } from "node:worker_threads";
    import { once } from "node:events";
    const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
    await once(worker, "message");
    await worker.terminate();
    console.log("ended");`;
  for (let attempt = 0; attempt < 3; attempt++) {
    const { stdout } = await program(folder, body);
    t.is(stdout, "ended\n");
    t.deepEqual(
      (await storedEntries(Store, folder, { agentId: "one" })).map(([id]) => id),
      ["a", "b"],
    );
  }
});

test("two copies of the package in one process, each has stores of its own and respects the other's lock", async (t) => {
  const folder = await temporaryFolder(t);
  const copy = join(folder, "package");
  for (const name of ["index.js", "index.mjs", "package.json", "lib", "native"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  const { Store: Other } = await import(pathToFileURL(join(copy, "index.mjs")).href);
  t.not(Other, Store);
  const [ours, theirs] = [new Store(), new Other()];
  await Promise.all([ours.open(join(folder, "a")), theirs.open(join(folder, "b"))]);
  await Promise.all([ours.set("x", { n: 1 }), theirs.set("y", { n: 2 })]);
  await t.throwsAsync(new Other().open(join(folder, "a")), { code: "OPSLOG_LOCKED" });
  await t.throwsAsync(new Store().open(join(folder, "b")), { code: "OPSLOG_LOCKED" });
  await Promise.all([ours.close(), theirs.close()]);
  t.deepEqual(await storedEntries(Other, join(folder, "a")), [["x", { n: 1 }]]);
  t.deepEqual(await storedEntries(Store, join(folder, "b")), [["y", { n: 2 }]]);
});

test("50 stores that are open at once, with 256 descriptors for the process, write, make checkpoints and close", async (t) => {
  if (process.platform === "win32") return t.pass("no such limit");
  const folder = await temporaryFolder(t);
  const body = `
    const stores = Array.from({ length: 50 }, () => new Store());
    await Promise.all(stores.map((store, n) => store.open(folder + "/" + n, { durability: "interval" })));
    for (let n = 0; n < 120; n++) await Promise.all(stores.map((store) => store.set("r" + n, { n })));
    await Promise.all(stores.map((store) => store.compact()));
    await Promise.all(stores.map((store) => store.close()));`;
  await program(folder, body, "ulimit -n 256");
  for (const name of readdirSync(folder)) t.is((await storedEntries(Store, join(folder, name))).length, 120);
});

for (const [how, end] of Object.entries({
  "process.exit()": "process.exit(0)",
  "an uncaught error":
    'process.on("uncaughtException", () => process.exit(0)); setImmediate(() => { throw new Error("end"); })',
  "a SIGTERM that the program answers":
    'process.on("SIGTERM", () => process.exit(0)); process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)',
})) {
  test(`${how} with a full buffer, nothing is lost`, async (t) => {
    const folder = await temporaryFolder(t);
    const body = `
      const store = new Store();
      await store.open(folder, { writeMode: "group", groupCommitMs: 60_000, groupCommitSize: 1e6, checkpointThreshold: Infinity });
      for (let n = 0; n < 5000; n++) store.set("r" + n, { n });
      ${end};`;
    await program(folder, body);
    t.is((await storedEntries(Store, folder)).length, 5000);
  });
}

test("a default SIGTERM with a full buffer, loses at most the buffer and leaves a store that opens", async (t) => {
  const folder = await temporaryFolder(t);
  const body = `
    const store = new Store();
    await store.open(folder, { writeMode: "group", groupCommitMs: 60_000, groupCommitSize: 1e6, checkpointThreshold: Infinity });
    for (let n = 0; n < 100; n++) store.set("r" + n, { n });
    await store.flush();
    for (let n = 100; n < 5000; n++) store.set("r" + n, { n });
    process.kill(process.pid, "SIGTERM");
    setInterval(() => {}, 1000);`;
  t.is((await t.throwsAsync(program(folder, body))).signal, "SIGTERM");
  const count = (await storedEntries(Store, folder)).length;
  t.true(count >= 100 && count <= 5000, `${count}`);
});

test("an open store with syncs in the background and a checkpoint under way, does not keep the process alive", async (t) => {
  const folder = await temporaryFolder(t);
  const body = `
    const store = new Store();
    await store.open(folder, { durability: "interval", syncIntervalMs: 2 ** 31 - 1, checkpointThreshold: Infinity });
    for (let n = 0; n < 1000; n++) await store.set("r" + n, { n });
    store.compact();`;
  await program(folder, body);
  t.is((await storedEntries(Store, folder)).length, 1000);
});

/** What a value's toJSON() may do, and what must be there afterwards. */
const hostile = {
  "sets the same record": {
    call: (store) => void store.set("a", { n: "inner" }),
    leaves: { a: { n: "outer" } },
  },
  "sets another record": {
    call: (store) => void store.set("b", { n: 2 }),
    leaves: { a: { n: "outer" }, b: { n: 2 } },
  },
  reads: {
    call: (store) => void [store.get("kept"), store.entries(), store.getOps()],
    leaves: { a: { n: "outer" } },
  },
  undoes: { call: (store) => void store.undo(), leaves: null },
  deletes: { call: (store) => void store.delete("kept"), leaves: { a: { n: "outer" }, kept: undefined } },
  "begins a batch": {
    call: (store) => void store.batch(() => store.set("b", { n: 3 })),
    leaves: { a: { n: "outer" }, b: { n: 3 } },
  },
  "closes the store": { call: (store) => void store.close(), leaves: null },
};

for (const [what, { call, leaves }] of Object.entries(hostile)) {
  for (const where of ["set()", "batch()"]) {
    test(`a value whose toJSON ${what}, in ${where}, leaves memory and files the same`, async (t) => {
      const folder = await temporaryFolder(t);
      const store = new Store();
      await store.open(folder, { checkpointOnClose: false });
      await store.set("kept", { n: 0 });
      const value = {
        toJSON() {
          call(store);
          return { n: "outer" };
        },
      };
      await (where === "set()" ? store.set("a", value) : store.batch(() => store.set("a", value))).catch(
        () => {},
      );
      await new Promise((resolve) => setImmediate(resolve));
      const shown = await store
        .flush()
        .then(
          () => Object.fromEntries(store.entries()),
          () => null,
        )
        .catch(() => null);
      await store.close().catch(({ code }) => t.is(code, "OPSLOG_NOT_OPEN"));
      const found = Object.fromEntries(await storedEntries(Store, folder));
      if (shown !== null) t.deepEqual(found, shown);
      if (leaves !== null) t.like(found, leaves);
    });
  }
}

test("values with getters, proxies and toJSON that throw, are refused with what they throw and change nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("a", { n: 1 });
  const thrown = new Error("of the caller");
  const fail = () => {
    throw thrown;
  };
  const values = [
    Object.defineProperty({}, "n", { get: fail, enumerable: true }),
    new Proxy({}, { ownKeys: fail }),
    new Proxy({}, { get: fail }),
    { toJSON: fail },
    { deep: [{ toJSON: fail }] },
  ];
  for (const value of values) {
    const error = await t.throwsAsync(store.set("a", value));
    t.true(error === thrown || error.cause === thrown, error.message);
    await t.throwsAsync(store.batch(() => store.set("b", value)));
  }
  t.deepEqual(store.entries(), [["a", { n: 1 }]]);
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
});
