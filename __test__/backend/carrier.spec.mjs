/** The protocols of `src/protocol`, carried by JS over a bucket in memory: `lib/backend`. */
import test from "ava";
import { Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

async function open(backend, options = {}) {
  const store = new Store();
  await store.open("ignored", { ...manual, backend, ...options });
  return store;
}

async function stored(bucket) {
  const reader = await open(memoryBackend(bucket), { readOnly: true });
  const entries = Object.fromEntries(reader.entries());
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
    await first.set("a", { n: 1 });
    bucket.locks.clear();
    const second = await open(memoryBackend(bucket, { conditional }));
    t.deepEqual(second.get("a"), { n: 1 });
    await t.throwsAsync(first.set("b", { n: 1 }), { code: "OPSLOG_LOCKED" });
    await t.throwsAsync(first.set("c", { n: 1 }), { code: "OPSLOG_LOCKED" });
    await second.set("d", { n: 1 });
    t.deepEqual(await stored(bucket), { a: { n: 1 }, d: { n: 1 } });
  });

  test(`two stores with one agentId: the first is refused, and nothing of that is stored, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const first = await open(memoryBackend(bucket, { conditional }), { agentId: "one" });
    await first.set("a", { n: 1 });
    const second = await open(memoryBackend(bucket, { conditional }), { agentId: "one" });
    await t.throwsAsync(first.set("b", { n: 1 }), { code: "OPSLOG_LOCKED", message: /'one'/ });
    await t.throwsAsync(first.compact(), { code: "OPSLOG_LOCKED" });
    await second.set("c", { n: 1 });
    t.deepEqual(await stored(bucket), { a: { n: 1 }, c: { n: 1 } });
  });

  test(`an append that took effect but failed counts, one that did not is refused, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const backend = memoryBackend(bucket, { conditional });
    const store = await open(backend);
    await store.set("a", { n: 1 });
    failNext(backend, "appendOps", "after");
    await store.set("b", { n: 1 });
    failNext(backend, "appendOps", "before");
    await t.throwsAsync(store.set("c", { n: 1 }), { code: "ENOSPC" });
    await store.set("d", { n: 1 });
    t.deepEqual(
      store.entries().map(([id]) => id),
      ["a", "b", "d"],
    );
    t.deepEqual(Object.keys(await stored(bucket)), ["a", "b", "d"]);
  });

  test(`a manifest that was published although its write failed loses nothing, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const backend = memoryBackend(bucket, { conditional });
    const store = await open(backend);
    await store.set("a", { n: 1 });
    failNext(backend, conditional ? "writeManifestIf" : "writeManifest", "after");
    await store.compact();
    await store.set("b", { n: 1 });
    t.deepEqual(await stored(bucket), { a: { n: 1 }, b: { n: 1 } });
  });

  test(`undo() whose cut took effect but failed takes one operation back, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const backend = memoryBackend(bucket, { conditional });
    const store = await open(backend);
    for (const id of ["a", "b", "c"]) await store.set(id, { n: 1 });
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
  await store.set("old", { n: 1 });
  await store.set("x", { n: 1 });
  const first = store.set("y", { n: 1 });
  const failing = store.set("old", { n: 2 });
  const last = store.set("z", { n: 1 });
  await first;
  failNext(backend, "appendOps", "before");
  const results = await Promise.allSettled([failing, last]);
  const expected = { old: { n: results[0].status === "fulfilled" ? 2 : 1 }, x: { n: 1 }, y: { n: 1 } };
  if (results[1].status === "fulfilled") expected.z = { n: 1 };
  t.deepEqual(Object.fromEntries(store.entries()), expected);
  t.deepEqual(await stored(bucket), expected);
});

test("open(), undefined stands for no manifest, creates the store", async (t) => {
  const bucket = memoryBucket();
  const backend = memoryBackend(bucket);
  const { readManifest } = backend;
  backend.readManifest = async () => (await readManifest()) ?? undefined;
  const store = await open(backend);
  await store.set("a", 1);
  await store.close();
  t.deepEqual(await stored(bucket), { a: 1 });
});

const operation = { ts: "2026-01-01T00:00:00.000Z", op: "set", id: "x", prev: null, data: 1 };
/** What methods return that they must not, and a call that finds that out. */
const wrongAnswers = {
  readManifest: { answers: ["text", 7, true, [], {}, { version: 1 }], call: (store) => store.tail() },
  getManifestVersion: { answers: [7, {}, true], call: (store) => store.set("b", 1) },
  writeManifestIf: { answers: [7, {}, true], conditional: true, call: (store) => store.compact() },
  createOpsFile: { answers: [undefined, null, 7, "", {}], single: true, call: (store) => store.compact() },
  createAgentOpsFile: { answers: [undefined, null, 7, "", {}], call: (store) => store.compact() },
  writeSnapshot: { answers: [undefined, null, 7, "", {}], call: (store) => store.compact() },
  loadSnapshot: {
    answers: [undefined, null, {}, { records: {} }, { records: [] }, { records: new Map([[7, 1]]) }, "text"],
    call: (store, { reader }) => reader.tail(),
    before: (store) => store.compact(),
  },
  readOps: {
    answers: [
      undefined,
      null,
      {},
      "text",
      [null],
      [undefined],
      ["text"],
      [7],
      [{}],
      [{ ...operation, op: "put" }],
      [{ ...operation, id: "" }],
      [{ ...operation, data: undefined }],
      [operation, { no: "operation" }],
    ],
    call: (store) => store.tail(),
  },
  writeArchiveSegment: { answers: [undefined, 7, ""], call: (store) => store.archive(() => true, "past") },
  loadArchiveSegment: {
    answers: [undefined, null, {}, [], new Map([[7, 1]])],
    before: (store) => store.archive((_, id) => id === "a", "past"),
    call: (store) => store.archive(() => true, "past"),
  },
  truncateLastOp: { answers: [undefined, 1, "yes"], single: true, call: (store) => store.undo() },
};

for (const [method, { answers, call, before, conditional = false, single = false }] of Object.entries(
  wrongAnswers,
)) {
  test(`${method}() of a backend returns what it must not: an error names it, and nothing is lost`, async (t) => {
    for (const answer of answers) {
      const bucket = memoryBucket();
      const backend = memoryBackend(bucket, { conditional, turn: null });
      const store = await open(backend, single ? {} : { agentId: "one" });
      const readerBackend = memoryBackend(bucket, { turn: null });
      const reader = await open(readerBackend, { readOnly: true });
      for (const id of ["a", "z"]) await store.set(id, 1);
      await before?.(store);
      const kept = store.entries();
      const usual = [backend[method], readerBackend[method]];
      backend[method] = async () => answer;
      readerBackend[method] = async () => answer;
      const error = await t.throwsAsync(call(store, { reader }), undefined, `${answer}`);
      t.is(
        error.code,
        method === "getManifestVersion" || method === "writeManifestIf" ? error.code : "OPSLOG_CORRUPT",
      );
      t.true(error.message.includes(method), error.message);
      [backend[method], readerBackend[method]] = usual;
      await store.set("later", 1);
      await store.refresh();
      const expected = { ...Object.fromEntries(kept), later: 1 };
      const { b: _unknown, ...found } = Object.fromEntries(store.entries());
      t.deepEqual(found, expected, `${answer}`);
      await store.close();
      const { b: _, ...inStore } = await stored(bucket);
      t.deepEqual(inStore, expected);
    }
  });
}

test("open(), a method returns what it must not, is refused and names the method", async (t) => {
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
});

/** Every method that a store calls, and a call of the store that needs it. */
const neededBy = {
  initialize: (open) => open(),
  readManifest: (open) => open(),
  acquireLock: (open) => open(),
  appendOps: async (open) => (await open()).set("a", 1),
  truncateLastOp: async (open) => {
    const store = await open();
    await store.set("a", 1);
    await store.undo();
  },
  writeSnapshot: async (open) => (await open()).compact(),
  writeManifest: async (open) => (await open()).compact(),
  createOpsFile: async (open) => (await open()).compact(),
  writeArchiveSegment: async (open) => {
    const store = await open();
    await store.set("a", 1);
    await store.archive(() => true, "past");
  },
  loadSnapshot: async (open) => (await open({ readOnly: true })).refresh(),
  readOps: async (open) => (await open({ readOnly: true })).tail(),
  releaseLock: async (open) => (await open()).close(),
  shutdown: async (open) => (await open()).close(),
};
for (const [method, work] of Object.entries(neededBy)) {
  test(`${method}() of a backend never settles: what waits for it rejects and names it, and so does close()`, async (t) => {
    const bucket = memoryBucket();
    await (await open(memoryBackend(bucket))).close();
    // What answers without a turn of the event loop answers before a timer fires, however slow the machine is.
    const backend = memoryBackend(bucket, { turn: null });
    const usual = backend[method];
    const isEarly = ["initialize", "readManifest", "acquireLock", "loadSnapshot", "readOps"].includes(method);
    let isSilent = isEarly;
    backend[method] = (...args) => (isSilent ? new Promise(() => {}) : usual(...args));
    let store;
    const opening = async (options) => {
      store = await open(backend, { backendTimeoutMs: 2000, ...options });
      isSilent = true;
      return store;
    };
    const error = await t.throwsAsync(work(opening));
    t.true(["OPSLOG_TIMEOUT", "OPSLOG_FAILED"].includes(error.code), error.code);
    t.true(error.message.includes(`${method}()`), error.message);
    // It settles, one way or the other.
    await store?.close().catch(() => {});
    bucket.locks.clear();
    const later = await open(memoryBackend(bucket));
    await later.set("later", 1);
    await later.close();
    t.is((await stored(bucket)).later, 1);
  });
}

test("what a backend throws comes through: no code, a text, null, and at once", async (t) => {
  for (const thrown of [new Error("plain"), "a text", null]) {
    const backend = memoryBackend(memoryBucket());
    const store = await open(backend);
    const usual = backend.appendOps;
    backend.appendOps = () => {
      backend.appendOps = usual;
      throw thrown;
    };
    const error = await t.throwsAsync(store.set("a", 1));
    t.true(error === thrown || error.message.includes(String(thrown)));
    await store.set("b", 1);
    t.deepEqual(store.entries(), [["b", 1]]);
    await store.close();
  }
});

/** Calls that wait for what the store does through its backend. */
const waiting = {
  "set()": (store) => store.set("x", 1),
  "delete()": (store) => store.delete("a"),
  "batch()": (store) => store.batch(() => store.set("x", 1)),
  "undo()": (store) => store.undo(),
  "compact()": (store) => store.compact(),
  "archive()": (store) => store.archive(() => true),
  "flush()": (store) => store.flush(),
  "refresh()": (store) => store.refresh(),
  "tail()": (store) => store.tail(),
  "close()": (store) => store.close(),
};
for (const [name, call] of Object.entries(waiting)) {
  test(`${name} in a method of the store's own backend is refused, and the store goes on`, async (t) => {
    const backend = memoryBackend(memoryBucket());
    const store = await open(backend, { agentId: "one" });
    await store.set("a", 1);
    for (const method of ["appendOps", "getManifestVersion", "writeSnapshot", "readOps"]) {
      const errors = [];
      backend.before = async (called) => {
        if (called !== method) return;
        backend.before = async () => {};
        try {
          await call(store);
        } catch (error) {
          errors.push(error);
        }
      };
      await store.set("b", 1);
      await store.compact();
      t.deepEqual(
        errors.map(({ code, message }) => [code, message.includes(`${method}()`)]),
        [["OPSLOG_INVALID_ARGUMENT", true]],
        method,
      );
    }
    t.deepEqual(store.entries(), [
      ["a", 1],
      ["b", 1],
    ]);
    await store.close();
  });
}

test("close() in a method of the backend that opens the store is refused, and the store opens", async (t) => {
  const backend = memoryBackend(memoryBucket());
  const store = new Store();
  const errors = [];
  backend.before = async (called) => {
    if (called === "readManifest") await store.close().catch((error) => errors.push(error.code));
  };
  await store.open("ignored", { ...manual, backend });
  t.deepEqual(new Set(errors), new Set(["OPSLOG_INVALID_ARGUMENT"]));
  backend.before = async () => {};
  await store.close();
});

test("a backend that begins work behind its back, which calls the store when the call is over, is served", async (t) => {
  const backend = memoryBackend(memoryBucket());
  const store = await open(backend);
  let later;
  backend.after = async (called) => {
    if (called !== "appendOps") return;
    backend.after = async () => {};
    later = new Promise((resolve) => setTimeout(resolve, 20)).then(() => store.set("b", 1));
  };
  await store.set("a", 1);
  await later;
  t.is(store.count(), 2);
  await store.close();
});

test("two stores whose backends call each other are refused, and do not wait for each other", async (t) => {
  const [one, other] = [memoryBackend(memoryBucket()), memoryBackend(memoryBucket())];
  const [first, second] = [await open(one), await open(other)];
  const errors = [];
  const setting = async (store) => {
    try {
      await store.set("b", 1);
    } catch (error) {
      errors.push(error.code);
    }
  };
  one.before = (called) => called === "appendOps" && setting(second);
  other.before = (called) => called === "appendOps" && setting(first);
  await first.set("a", 1);
  t.deepEqual(errors, ["OPSLOG_INVALID_ARGUMENT"]);
  t.deepEqual([first.count(), second.count()], [1, 1]);
});
