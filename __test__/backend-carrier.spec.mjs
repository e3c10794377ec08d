/** The protocols of `src/protocol`, carried by JS over a bucket in memory: `lib/backend`. */
import { createRequire } from "node:module";
import test from "ava";
import { memoryBackend, memoryBucket } from "./helpers/memory-backend.mjs";

const { BackendDriver } = createRequire(import.meta.url)("../lib/backend/driver.js");

const defaults = {
  version: 1,
  readOnly: false,
  skipLoad: false,
  agentId: undefined,
  writeMode: "immediate",
  checkpointThreshold: Infinity,
  checkpointOnClose: false,
  groupCommitSize: 50,
  groupCommitMs: 100,
  backendTimeoutMs: Infinity,
  migrate: (record) => record,
  cacheSize: Infinity,
  onProgress: undefined,
};

function open(backend, options = {}, onDue = () => {}) {
  return BackendDriver.open("ignored", { ...defaults, ...options }, backend, onDue);
}

async function stored(bucket) {
  const reader = await open(memoryBackend(bucket), { readOnly: true });
  const entries = Object.fromEntries(reader.records.entries());
  await reader.close();
  return entries;
}

/** The next call of a method fails, before it takes effect or after. */
function failNext(backend, method, when, error = Object.assign(new Error("no space"), { code: "ENOSPC" })) {
  const usual = backend[when];
  backend[when] = async (name, ...args) => {
    if (name !== method) return usual(name, ...args);
    backend[when] = usual;
    throw error;
  };
}

for (const conditional of [true, false]) {
  const how = conditional ? "with conditional writes" : "without conditional writes";

  test(`a single writer that was replaced is refused, and what it wrote does not show, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const first = await open(memoryBackend(bucket, { conditional }));
    await first.set("a", '{"n":1}');
    bucket.locks.clear();
    const second = await open(memoryBackend(bucket, { conditional }));
    t.deepEqual(second.records.get("a"), { n: 1 });
    await t.throwsAsync(first.set("b", '{"n":1}'), { code: "OPSLOG_LOCKED" });
    await t.throwsAsync(first.set("c", '{"n":1}'), { code: "OPSLOG_LOCKED" });
    await second.set("d", '{"n":1}');
    t.deepEqual(await stored(bucket), { a: { n: 1 }, d: { n: 1 } });
  });

  test(`two stores with one agentId: the first is refused, and nothing of that is stored, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const first = await open(memoryBackend(bucket, { conditional }), { agentId: "one" });
    await first.set("a", '{"n":1}');
    const second = await open(memoryBackend(bucket, { conditional }), { agentId: "one" });
    await t.throwsAsync(first.set("b", '{"n":1}'), { code: "OPSLOG_LOCKED", message: /'one'/ });
    await t.throwsAsync(first.checkpoint(), { code: "OPSLOG_LOCKED" });
    await second.set("c", '{"n":1}');
    t.deepEqual(await stored(bucket), { a: { n: 1 }, c: { n: 1 } });
  });

  test(`an append that took effect but failed counts, one that did not is refused, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const backend = memoryBackend(bucket, { conditional });
    const store = await open(backend);
    await store.set("a", '{"n":1}');
    failNext(backend, "appendOps", "after");
    await store.set("b", '{"n":1}');
    failNext(backend, "appendOps", "before");
    await t.throwsAsync(store.set("c", '{"n":1}'), { code: "ENOSPC" });
    await store.set("d", '{"n":1}');
    t.deepEqual(
      store.records.entries().map(([id]) => id),
      ["a", "b", "d"],
    );
    t.deepEqual(Object.keys(await stored(bucket)), ["a", "b", "d"]);
  });

  test(`a manifest that was published although its write failed loses nothing, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const backend = memoryBackend(bucket, { conditional });
    const store = await open(backend);
    await store.set("a", '{"n":1}');
    failNext(backend, conditional ? "writeManifestIf" : "writeManifest", "after");
    await store.checkpoint();
    await store.set("b", '{"n":1}');
    t.deepEqual(await stored(bucket), { a: { n: 1 }, b: { n: 1 } });
  });

  test(`undo() whose cut took effect but failed takes one operation back, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const backend = memoryBackend(bucket, { conditional });
    const store = await open(backend);
    for (const id of ["a", "b", "c"]) await store.set(id, '{"n":1}');
    failNext(backend, "truncateLastOp", "after");
    t.true(await store.undo());
    t.deepEqual(Object.keys(await stored(bucket)), ["a", "b"]);
    t.true(await store.undo());
    t.deepEqual(await stored(bucket), { a: { n: 1 } });
  });
}

test("an append that fails in a burst that crosses the threshold takes nothing else along", async (t) => {
  const bucket = memoryBucket();
  const backend = memoryBackend(bucket);
  const store = await open(backend, { checkpointThreshold: 3 });
  await store.set("old", '{"n":1}');
  await store.set("x", '{"n":1}');
  const first = store.set("y", '{"n":1}');
  const failing = store.set("old", '{"n":2}');
  const last = store.set("z", '{"n":1}');
  await first;
  failNext(backend, "appendOps", "before");
  const results = await Promise.allSettled([failing, last]);
  const expected = { old: { n: results[0].status === "fulfilled" ? 2 : 1 }, x: { n: 1 }, y: { n: 1 } };
  if (results[1].status === "fulfilled") expected.z = { n: 1 };
  t.deepEqual(Object.fromEntries(store.records.entries()), expected);
  t.deepEqual(await stored(bucket), expected);
});

test("undefined for no manifest is accepted, and other wrong answers name the method", async (t) => {
  const fresh = memoryBackend(memoryBucket());
  const { readManifest } = fresh;
  fresh.readManifest = async () => (await readManifest()) ?? undefined;
  await (await open(fresh)).close();
  for (const [method, answer] of [
    ["createOpsFile", 7],
    ["writeSnapshot", undefined],
    ["readManifest", "text"],
    ["readManifest", {}],
  ]) {
    const backend = memoryBackend(memoryBucket());
    backend[method] = async () => answer;
    await t.throwsAsync(open(backend), { message: new RegExp(`${method}\\(\\)`) }, method);
  }
  const bucket = memoryBucket();
  await (await open(memoryBackend(bucket))).close();
  const backend = memoryBackend(bucket);
  backend.readOps = async () => [{ no: "operation" }];
  await t.throwsAsync(open(backend), { code: "OPSLOG_CORRUPT", message: /readOps/ });
});

test("a call that is never answered is an error that names the method, also in open() and close()", async (t) => {
  for (const method of ["readManifest", "appendOps", "releaseLock", "shutdown"]) {
    const backend = memoryBackend(memoryBucket());
    const usual = backend[method];
    let isSilent = method === "readManifest";
    backend[method] = (...args) => (isSilent ? new Promise(() => {}) : usual(...args));
    const work = async () => {
      const store = await open(backend, { backendTimeoutMs: 500 });
      isSilent = true;
      if (method === "appendOps") await store.set("a", "1");
      await store.close();
    };
    await t.throwsAsync(work(), { message: new RegExp(`${method}\\(\\)`) }, method);
  }
});

test("what a backend throws comes through: no code, a text, null, and at once", async (t) => {
  for (const thrown of [new Error("plain"), "a text", null]) {
    const backend = memoryBackend(memoryBucket());
    const store = await open(backend);
    const usual = backend.appendOps;
    backend.appendOps = () => {
      backend.appendOps = usual;
      throw thrown;
    };
    const error = await t.throwsAsync(store.set("a", "1"));
    t.true(error === thrown || error.message.includes(String(thrown)));
    await store.set("b", "1");
    t.deepEqual(store.records.entries(), [["b", 1]]);
    await store.close();
  }
});

test("a backend that calls its own store is refused", async (t) => {
  const backend = memoryBackend(memoryBucket());
  const store = await open(backend);
  const usual = backend.appendOps;
  backend.appendOps = async (...args) => {
    await usual(...args);
    store.refuseOwnBackend();
  };
  await t.notThrowsAsync(store.set("a", "1"));
  t.notThrows(() => store.refuseOwnBackend());
  const error = await new Promise((resolve) => {
    backend.sync = async () => {
      try {
        store.refuseOwnBackend();
      } catch (error) {
        resolve(error);
      }
    };
    store.flush();
  });
  t.is(error.code, "OPSLOG_INVALID_ARGUMENT");
});
