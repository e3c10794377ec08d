/**
 * A store works through its backend, and one call of that fails: each call once, before it takes effect and afterwards, with
 * errors of every kind. What resolved is there, what was refused is not, and nothing else is taken along.
 */
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { memoryFolder } from "../helpers/memory-folder.mjs";

const manual = { checkpointOnClose: true, checkpointThreshold: Infinity };

/** What backends are known to throw. */
const errors = [
  () => Object.assign(new Error("no space left"), { code: "ENOSPC" }),
  () => new Error("no code"),
  () => "a text",
  () => null,
  () => undefined,
];

/** A call of a method that fails, counted from the first one on: before it takes effect, or afterwards. */
class Failing {
  calls = 0;
  failed = null;

  constructor(at, isAfter) {
    Object.assign(this, { at, isAfter });
  }

  /** Wraps a method. One that fails before it takes effect throws at once. */
  wrap(name, method) {
    return (...args) => {
      const number = ++this.calls;
      const fail = () => {
        this.failed = name;
        // A lock that its holder does not know of, or cannot give back, runs out.
        if (name.endsWith("Lock")) setTimeout(this.free, 20);
        throw errors[number % errors.length]();
      };
      if (number !== this.at) return method(...args);
      return this.isAfter ? Promise.resolve(method(...args)).then(fail) : fail();
    };
  }
}

const METHODS = Object.keys(memoryBackend(memoryBucket(), { conditional: true })).filter(
  (name) => !["bucket", "calls", "dropLocks", "before", "after"].includes(name),
);

function failing(backend, failure) {
  for (const name of METHODS) {
    // The lock of a folder is the kernel's, and dies with its process alone.
    if (backend instanceof FsBackend && name.endsWith("Lock")) continue;
    if (typeof backend[name] === "function") backend[name] = failure.wrap(name, backend[name].bind(backend));
  }
  return backend;
}

class Folder extends FsBackend {}

/** Makers of backends that all reach one place. */
const carriers = {
  "a bucket": async () => {
    const bucket = memoryBucket();
    const open = () => memoryBackend(bucket, { turn: null });
    return { folder: "bucket", open, free: () => bucket.locks.clear() };
  },
  "a bucket with conditional writes": async () => {
    const bucket = memoryBucket();
    const open = () => memoryBackend(bucket, { turn: null, conditional: true });
    return { folder: "bucket", open, free: () => bucket.locks.clear() };
  },
  "a folder": async (t) => {
    const { folder, remove } = memoryFolder();
    t.teardown(remove);
    return { folder, open: () => new Folder(), free() {} };
  },
};

const modes = {
  "one writer": {},
  "one writer in group mode": { writeMode: "group", groupCommitSize: 3, groupCommitMs: 60_000 },
  "an agent": { agentId: "one" },
};

/** What became of each record: `true` and `false` where that is certain. */
class Outcome {
  records = new Map();

  /** Awaits a call that makes a record be there, or be gone. */
  async of(ids, isThere, call) {
    const before = ids.map((id) => this.records.get(id) ?? false);
    const settle = (id, value) => this.records.set(id, value);
    try {
      const result = await call();
      ids.forEach((id, n) => settle(id, result === false || result === 0 ? before[n] : isThere));
    } catch (error) {
      const isUnknown = error?.code === "OPSLOG_FAILED";
      ids.forEach((id, n) => settle(id, isUnknown && before[n] !== isThere ? null : before[n]));
    }
  }

  wrong(entries) {
    const there = new Set(entries.map(([id]) => id));
    const unexpected = [...there].filter((id) => !this.records.has(id));
    const wrong = [...this.records].filter(([id, isThere]) => isThere !== null && there.has(id) !== isThere);
    return [...unexpected, ...wrong.map(([id, isThere]) => `${id} ${isThere ? "is lost" : "is there"}`)];
  }
}

async function work(store, outcome) {
  const set = (id) => outcome.of([id], true, () => store.set(id, { id }));
  await set("a");
  await Promise.all(["b1", "b2", "b3"].map(set));
  await outcome.of(["c1", "c2"], true, () =>
    store.batch(() => ["c1", "c2"].forEach((id) => store.set(id, { id }))),
  );
  await set("d");
  // What is undone is the last operation, whichever that is.
  if (outcome.records.get("d") === true) await outcome.of(["d"], false, () => store.undo());
  await store.compact().catch(() => {});
  await set("e");
  if (store.has("a")) await outcome.of(["a"], false, () => store.delete("a"));
  await outcome.of(["b1"], false, () => store.archive((_, id) => id === "b1", "past"));
  await store.tail().catch(() => {});
  await store.refresh().catch(() => {});
  await set("f");
}

async function opened(place, options) {
  const store = new Store();
  await store.open(place.folder, { ...manual, backend: place.open(), ...options });
  return store;
}

/** Works with one failing call. Returns what is wrong, and how many calls there were. */
async function run(t, carrier, mode, failure) {
  const place = await carriers[carrier](t);
  const outcome = new Outcome();
  failure.free = place.free;
  let store = new Store();
  const backend = failing(place.open(), failure);
  try {
    await store.open(place.folder, { ...manual, backend, ...mode });
  } catch {
    // The process ends, and its locks with it.
    place.free();
    store = await opened(place, mode);
  }
  await work(store, outcome);
  // In group mode what was called waits in the buffer, and is written by close() at the latest.
  await store.flush().catch(() => {});
  const shown = store.entries();
  const wrong = outcome.wrong(shown).map((what) => `${what} in the store itself`);
  await store.close().catch(() => {});
  place.free();
  const reader = await opened(place, { readOnly: true });
  wrong.push(...outcome.wrong(reader.entries()));
  const later = await opened(place, mode);
  t.deepEqual(later.entries(), reader.entries());
  await outcome.of(["z"], true, () => later.set("z", { id: "z" }));
  await later.compact();
  await later.close();
  await reader.refresh();
  wrong.push(...outcome.wrong(reader.entries()).map((what) => `${what} in the end`));
  await reader.close();
  return wrong;
}

for (const carrier of Object.keys(carriers)) {
  for (const [who, mode] of Object.entries(modes)) {
    test(`${who} through ${carrier}: each call of the backend fails once, and only what was refused is missing`, async (t) => {
      t.timeout(300_000);
      const all = new Failing(0, false);
      t.deepEqual(await run(t, carrier, mode, all), []);
      t.true(all.calls > 30);
      const failed = new Set();
      for (let at = 1; at <= all.calls; at++) {
        for (const isAfter of [false, true]) {
          const failure = new Failing(at, isAfter);
          const wrong = await run(t, carrier, mode, failure);
          failed.add(failure.failed);
          if (wrong.length === 0) continue;
          t.fail(`call ${at}, ${failure.failed}() ${isAfter ? "after" : "before"} its effect: ${wrong}`);
          return;
        }
      }
      for (const name of [
        "initialize",
        "readManifest",
        "appendOps",
        "readOps",
        "writeSnapshot",
        "writeArchiveSegment",
      ])
        t.true(failed.has(name), name);
    });
  }
}
