/** A function that the caller gives runs in the async context of its caller, whatever else is under way. */
import { AsyncLocalStorage } from "node:async_hooks";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { until } from "../helpers/until.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const als = new AsyncLocalStorage();

/** Runs `work` in the context `name`, entered in one way or the other. */
const entries = {
  run: (name, work) => als.run(name, work),
  enterWith: async (name, work) => {
    // In an async function of its own: what it enters ends with it.
    await null;
    als.enterWith(name);
    return work();
  },
};

const carriers = {
  "a folder": {},
  "an agent": { agentId: "one" },
  "a buffered folder": { writeMode: "group" },
  "a durable folder": { durability: "always" },
  "a backend": { backend: () => memoryBackend(memoryBucket()) },
  "a backend with agents": { backend: () => memoryBackend(memoryBucket()), agentId: "one" },
};

async function openCarrier(t, { backend, ...options }) {
  return openOurs(t, { ...options, ...(backend && { backend: backend() }), checkpointThreshold: 1e6 });
}

/** What may be under way when a call is made. */
const earlier = {
  "compact()": (store) => store.compact(),
  "batch()": (store) => store.batch(() => store.set("other", { n: 1 })),
  "undo()": (store) => store.undo(),
  "refresh()": (store) => store.refresh(),
  "flush()": (store) => store.flush(),
  "archive()": (store) => store.archive(() => false),
  "batch() that enters a context": (store) => store.batch(() => als.enterWith("leaked")),
};

/** Calls that are given functions; each notes the context in which those run. */
const calls = {
  "batch()": (store, note) => store.batch(() => note()),
  "archive()": (store, note) => store.archive(() => note()),
  "archive() with onProgress": (store, note) =>
    store.archive((_value, id) => id === "kept", "2026-Q1", { onProgress: note }),
  "compact() with onProgress": (store, note) => store.compact({ onProgress: note }),
};

for (const [where, options] of Object.entries(carriers)) {
  for (const [what, call] of Object.entries(calls)) {
    for (const [how, enter] of Object.entries(entries)) {
      test(`${what} of ${where} behind other calls runs its function in its caller's context, by ${how}`, async (t) => {
        const { store } = await openCarrier(t, options);
        for (const [before, begin] of Object.entries(earlier)) {
          // Two of them: one may be undone.
          await store.set("kept", { n: 1 });
          await store.set("kept", { n: 2 });
          const seen = [];
          const note = () => void seen.push(als.getStore());
          const first = enter("first", () => begin(store));
          const second = enter("second", () => call(store, note));
          const third = enter("third", () => call(store, () => {}));
          await Promise.all([first, second, third]);
          t.true(seen.length > 0, before);
          t.deepEqual([...new Set(seen)], ["second"], before);
        }
      });
    }
  }
}

test("backup() behind other calls runs onProgress in its caller's context", async (t) => {
  for (const enter of Object.values(entries)) {
    for (const begin of Object.values(earlier)) {
      const { store } = await openOurs(t);
      await store.set("kept", { n: 1 });
      const target = `${await temporaryFolder(t)}/copy`;
      const seen = [];
      const onProgress = () => void seen.push(als.getStore());
      await Promise.all([
        enter("first", () => begin(store)),
        enter("second", () => store.backup(target, { onProgress })),
      ]);
      t.true(seen.length > 0);
      t.deepEqual([...new Set(seen)], ["second"]);
    }
  }
});

test("open(), verify() and repair() run onProgress in their caller's context", async (t) => {
  const { store, folder } = await openOurs(t);
  for (let n = 0; n < 2000; n++) store.set(`id-${n}`, { n });
  await store.compact();
  await store.close();
  for (const work of [
    (onProgress) => Store.verify(folder, { onProgress }),
    (onProgress) => Store.repair(folder, { onProgress }),
    (onProgress) => new Store().open(folder, { readOnly: true, onProgress }),
  ]) {
    const seen = [];
    await als.run("caller", () => work(() => void seen.push(als.getStore())));
    t.true(seen.length > 0);
    t.deepEqual([...new Set(seen)], ["caller"]);
  }
});

test("watch() runs its callback in the context of the call of watch()", async (t) => {
  const { store, folder } = await openOurs(t);
  const reader = await openOurs(t, { folder, readOnly: true });
  const seen = [];
  als.run("watcher", () => reader.store.watch(() => seen.push(als.getStore()), 1));
  await als.run("writer", () => store.set("id", { n: 1 }));
  await als.run("another", () => until(() => seen.length > 0));
  t.deepEqual(seen, ["watcher"]);
});

for (const [where, { backend, ...options }] of Object.entries(carriers)) {
  test(`migrate of ${where} runs in the context of the call of open()`, async (t) => {
    const folder = await temporaryFolder(t);
    const kept = backend?.();
    const common = { ...options, ...(kept && { backend: kept }) };
    const first = new Store();
    await first.open(folder, common);
    await first.set("id", { n: 1 });
    await first.close();
    const seen = [];
    const migrate = (record) => {
      seen.push(als.getStore());
      return record;
    };
    const { store } = await als.run("opener", () => openOurs(t, { ...common, folder, version: 2, migrate }));
    await als.run("reader", () => store.tail());
    t.deepEqual([...new Set(seen)], ["opener"]);
  });
}

test("migrate of a reader that finds another snapshot runs in the context of the call of open()", async (t) => {
  const { store, folder } = await openOurs(t, { checkpointThreshold: 1e6 });
  await store.set("id", { n: 1 });
  const seen = [];
  const migrate = (record) => {
    seen.push(als.getStore());
    return record;
  };
  const options = { folder, readOnly: true, version: 2, migrate };
  const reader = await als.run("opener", () => openOurs(t, options));
  await store.set("later", { n: 2 });
  await als.run("looker", () => reader.store.tail());
  t.true(seen.length >= 2);
  t.deepEqual([...new Set(seen)], ["opener"]);
});

test("set() through a backend calls the backend in the context of each caller", async (t) => {
  for (const options of [{}, { agentId: "one" }]) {
    const backend = memoryBackend(memoryBucket());
    const { store } = await openOurs(t, { ...options, backend, checkpointThreshold: 1e6 });
    const seen = [];
    backend.before = async (method, _path, operations) => {
      if (method === "appendOps") seen.push(...operations.map(({ id }) => [id, als.getStore()]));
    };
    const names = ["a", "b", "c", "d", "e"];
    await Promise.all(names.map((name) => als.run(name, () => store.set(name, { n: 1 }))));
    als.run("other", () => store.batch(() => store.set("other", { n: 1 })));
    await Promise.all(names.map((name) => als.run(name, () => store.set(name, { n: 2 }))));
    const expected = names.map((name) => [name, name]);
    t.deepEqual(seen, [...expected, ["other", "other"], ...expected]);
  }
});

test("a subclass of FsBackend is called in the context of each caller", async (t) => {
  const seen = [];
  class Noting extends FsBackend {
    async appendOps(path, operations) {
      seen.push(...operations.map(({ id }) => [id, als.getStore()]));
      return super.appendOps(path, operations);
    }
  }
  const { store } = await openOurs(t, { backend: new Noting(), checkpointThreshold: 1e6 });
  const names = ["a", "b", "c"];
  await Promise.all(names.map((name) => als.run(name, () => store.set(name, { n: 1 }))));
  t.deepEqual(
    seen,
    names.map((name) => [name, name]),
  );
});

everywhere("what comes behind an awaited call runs in its caller's context", async (t) => {
  for (const options of Object.values(carriers)) {
    const { store } = await openCarrier(t, options);
    const work = {
      set: () => store.set("id", { n: 1 }),
      delete: () => store.delete("id"),
      missing: () => store.delete("missing"),
      batch: () => store.batch(() => store.set("id", { n: 2 })),
      failing: () =>
        store.batch(() => {
          throw new Error("on purpose");
        }),
      undo: () => store.undo(),
      compact: () => store.compact(),
      archive: () => store.archive(() => false),
      refresh: () => store.refresh(),
      tail: () => store.tail(),
      flush: () => store.flush(),
      sync: () => store.sync(),
      stream: () => store.streamSnapshot().next(),
      log: () => store.getWalOps().next(),
    };
    for (const [how, enter] of Object.entries(entries)) {
      const seen = await Promise.all(
        Object.entries(work).map(([name, call]) =>
          enter(name, async () => {
            await call().catch(() => {});
            return [name, als.getStore()];
          }),
        ),
      );
      t.deepEqual(
        seen,
        Object.keys(work).map((name) => [name, name]),
        how,
      );
      await store.set("id", { n: 1 });
    }
  }
});
