/** retain.undo: the last operations stay open to undo() and getHistory() across checkpoints and restarts. */
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { original } from "../helpers/original.mjs";
import { random } from "../../campaigns/soak-feed/random.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

const idsOf = (operations) => operations.map(({ id }) => id);

async function opened(t, folder, undo, options = {}) {
  const store = new Store();
  await store.open(folder, { ...(undo && { retain: { undo } }), checkpointOnClose: true, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

class Subclass extends FsBackend {}

/** By what a single writer keeps its store: options of `open()` for each time that it is opened. */
const carriers = {
  "a folder": () => () => ({}),
  "a subclass of FsBackend": () => () => ({ backend: new Subclass() }),
  "a bucket": () => {
    const bucket = memoryBucket();
    return () => ({ backend: memoryBackend(bucket, { conditional: true, deletes: true, turn: null }) });
  },
};

/** Declares a test for each of them. `carried()` makes options; they are those of one store. */
function testsOfCarriers(title, body, { inMemory = false } = {}) {
  for (const [name, carrier] of Object.entries(carriers)) {
    test(`${title}: ${name}`, async (t) => body(t, await temporaryFolder(t), carrier()));
  }
  if (inMemory) test(`${title}: in memory`, (t) => body(t, ":memory:", () => ({})));
}

async function collect(changes) {
  const found = [];
  for await (const change of changes) found.push(change);
  return found;
}

testsOfCarriers(
  "undo() after close() and open() takes the last operations back, and getHistory() shows them",
  async (t, folder, carried) => {
    const store = await opened(t, folder, 2, carried());
    await store.set("a", { n: 1 });
    await store.set("a", { n: 2 });
    await store.set("b", { n: 3 });
    await store.set("a", { n: 4 });
    await store.close();
    await store.open(folder, { retain: { undo: 2 }, ...carried() });
    t.deepEqual(idsOf(store.getOps()), ["b", "a"]);
    t.is(store.stats().opsCount, 2);
    t.deepEqual(
      store.getHistory("a").map(({ data }) => data),
      [{ n: 4 }],
    );
    t.true(await store.undo());
    t.deepEqual(store.get("a"), { n: 2 });
    t.true(await store.undo());
    t.false(store.has("b"));
    t.false(await store.undo());
    await store.close();
    await store.open(folder, { readOnly: true, ...carried() });
    t.deepEqual(store.entries(), [["a", { n: 2 }]]);
    if (carried().backend instanceof FsBackend || carried().backend === undefined) {
      t.deepEqual(await storedEntries(original.Store, folder), [["a", { n: 2 }]]);
    }
  },
);

test("0.8.1 opens a folder whose log keeps operations, undoes one, and ours goes on", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder, 5);
  await store.set("a", { n: 1 });
  await store.batch(() => {
    store.set("b", { n: 2 });
    store.set("c", { n: 3 });
  });
  await store.compact();
  await store.close();
  const theirs = new original.Store();
  await theirs.open(folder, { checkpointOnClose: false });
  t.is(theirs.count(), 3);
  t.true(await theirs.undo());
  await theirs.close();
  await store.open(folder, { retain: { undo: 5 } });
  t.deepEqual(idsOf(store.getOps()), ["a", "b"]);
  t.true(await store.undo());
  t.deepEqual(store.entries(), [["a", { n: 1 }]]);
});

testsOfCarriers(
  "changes() gives operations that several checkpoints carried on once, and at() finds each state",
  async (t, folder, carried) => {
    const store = await opened(t, folder, 4, { checkpointThreshold: 3, ...carried() });
    const states = [];
    const live = collect(store.changes({ live: true }));
    let told;
    for (let n = 0; n < 25; n++) {
      await store.set(`id${n % 5}`, { n });
      states.push([store.position, store.entries()]);
      if (n % 7 === 3) await store.compact();
      if (n % 10 === 9) {
        await store.close();
        // It ends with the first close(), and is waited for: it gives what is in the logs when it comes to their end.
        told ??= await live;
        await store.open(folder, { retain: { undo: 4 }, checkpointThreshold: 3, ...carried() });
      }
    }
    const all = await collect(store.changes());
    t.deepEqual((await collect(store.changes({ reverse: true }))).reverse(), all);
    t.deepEqual(
      all.map(({ value }) => value.n),
      Array.from({ length: 25 }, (_, n) => n),
    );
    for (const [n, [position, entries]] of states.entries()) {
      const view = await store.at(position);
      t.deepEqual(new Map(view.entries()), new Map(entries), `after ${n}`);
      view.close();
      t.is((await collect(store.changes({ after: position }))).length, 24 - n);
    }
    t.deepEqual(
      told.map(({ value }) => value.n),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  },
);

test("a writer that is killed, twice, has its last operations open to undo() afterwards", async (t) => {
  const folder = await temporaryFolder(t);
  for (let cycle = 0; cycle < 2; cycle++) {
    const writer = await openInProcess(t, folder, { retain: { undo: 3 }, checkpointThreshold: 4 });
    for (let n = 0; n < 10; n++) await writer.call("set", `id${n}`, { cycle, n });
    await writer.kill();
    const store = await opened(t, folder, 3, { checkpointThreshold: Infinity, checkpointOnClose: false });
    t.is(store.count(), 10);
    for (let n = 9; n > 6; n--) {
      t.deepEqual(store.getOps().at(-1).data, { cycle, n });
      t.true(await store.undo());
    }
    t.is(store.count(), 7);
    t.is((await Store.verify(folder)).damageCount, 0);
    await store.close();
  }
});

testsOfCarriers(
  "a follower and a live feed are told an operation once that a checkpoint carried on, and that it was undone",
  async (t, folder, carried) => {
    const store = await opened(t, folder, 2, carried());
    const reader = new Store();
    await store.set("a", { n: 1 });
    await reader.open(folder, { readOnly: true, ...carried() });
    t.teardown(() => reader.close());
    const live = store.changes({ live: true });
    const told = [];
    const next = async () => {
      const { value } = await live.next();
      told.push(value.type === "undone" ? `-${value.id}` : value.id);
      return value;
    };
    await next();
    await store.set("b", { n: 2 });
    const { position } = await next();
    await store.compact();
    await store.compact();
    t.is(store.stats().opsCount, 2);
    t.deepEqual(
      (await reader.tail()).map(({ id }) => id),
      ["b"],
    );
    t.true(await store.undo());
    const undone = await next();
    t.is(undone.position, position);
    await store.set("c", { n: 3 });
    await store.compact();
    const { position: last } = await next();
    t.deepEqual(told, ["a", "b", "-b", "c"]);
    t.deepEqual(
      (await reader.tail()).map(({ id }) => id),
      ["c"],
    );
    t.deepEqual(reader.entries(), store.entries());
    t.deepEqual(
      (await collect(store.changes({ after: undone.after }))).map(({ id }) => id),
      ["c"],
    );
    t.deepEqual(await collect(store.changes({ after: last })), []);
    t.is(await store.undo({ batch: true }), true);
    t.is((await next()).id, "c");
    await live.return();
  },
);

test("the history of a folder without its backend has operations once that a checkpoint behind the backend carried on, and none that was undone then", async (t) => {
  for (let seed = 1; seed <= 12; seed++) {
    const folder = await temporaryFolder(t);
    const roll = random(seed);
    const expected = [];
    let n = 0;
    for (let life = 0; life < 3; life++) {
      const store = await opened(t, folder, 1 + roll(4), {
        backend: new Subclass(),
        checkpointOnClose: roll(2) === 0,
      });
      for (let step = 0; step < 12; step++) {
        const choice = roll(10);
        if (choice < 5) {
          await store.set(`id${roll(3)}`, { n });
          expected.push(n++);
        } else if (choice < 7) {
          await store.compact();
        } else if (choice < 8) {
          if (await store.undo()) expected.pop();
        } else if (choice < 9) {
          await store.batch(() => {
            for (const id of ["x", "y"]) store.set(id, { n: n++ });
          });
          expected.push(n - 2, n - 1);
        }
      }
      await store.close();
    }
    const store = await opened(t, folder, undefined);
    const found = async () => (await collect(store.changes())).map(({ value }) => value.n);
    t.deepEqual(await found(), expected, `seed ${seed}`);
    await store.set("id0", { n });
    await store.compact();
    t.deepEqual(await found(), [...expected, n], `seed ${seed}, with a checkpoint`);
    await store.close();
  }
});

for (const writeMode of ["immediate", "group"]) {
  testsOfCarriers(
    `getOps(), getHistory() and opsCount show the last operations from the moment on at which a checkpoint is due, with ${writeMode} writes`,
    async (t, folder, carried) => {
      const store = await opened(t, folder, 3, {
        checkpointThreshold: 4,
        writeMode,
        groupCommitSize: 1,
        ...carried(),
      });
      for (let n = 1; n < 25; n++) {
        await store.set("a", { n });
        const shown = store.getOps().map(({ data }) => data.n);
        t.true(shown.length >= Math.min(n, 3), `${shown.length} after ${n}`);
        t.is(shown.at(-1), n);
        t.is(store.getHistory("a").length, shown.length);
        t.is(store.stats().opsCount, shown.length);
      }
      await Promise.all(Array.from({ length: 9 }, (_, n) => store.set("b", { n })));
      t.true(store.getOps().length >= 3);
      await store.batch(() => {
        for (let n = 0; n < 5; n++) store.set("c", { n });
      });
      t.true(store.getHistory("c").length === 5, "a batch stays whole");
    },
    { inMemory: true },
  );
}

test("in memory undo() takes operations back that a checkpoint left", async (t) => {
  const store = await opened(t, ":memory:", 2);
  for (let n = 1; n < 5; n++) await store.set("a", { n });
  await store.compact();
  t.is(store.stats().opsCount, 2);
  t.true(await store.undo());
  t.true(await store.undo());
  t.false(await store.undo());
  t.deepEqual(store.entries(), [["a", { n: 2 }]]);
});

test("retain.undo of agents rejects with OPSLOG_UNSUPPORTED, a wrong one with OPSLOG_INVALID_ARGUMENT", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  const retain = { undo: 3 };
  await t.throwsAsync(store.open(folder, { agentId: "one", retain }), { code: "OPSLOG_UNSUPPORTED" });
  await t.throwsAsync(store.open(folder, { agentId: "one", retain, backend: new Subclass() }), {
    code: "OPSLOG_UNSUPPORTED",
  });
  for (const undo of [-1, 1.5, 10_001, "3", Infinity]) {
    await t.throwsAsync(store.open(folder, { retain: { undo } }), { code: "OPSLOG_INVALID_ARGUMENT" });
  }
  await store.open(folder, { retain: { undo: 0 } });
  await store.set("a", { n: 1 });
  await store.compact();
  t.is(store.stats().opsCount, 0);
  await store.close();
});

testsOfCarriers(
  "archive() and a migration take the operations along that were kept",
  async (t, folder, carried) => {
    const store = await opened(t, folder, 5, carried());
    await store.set("a", { n: 1 });
    await store.set("b", { n: 2 });
    await store.compact();
    t.is(store.stats().opsCount, 2);
    t.is(await store.archive(({ n }) => n === 1, "old"), 1);
    t.is(store.stats().opsCount, 0);
    await store.set("c", { n: 3 });
    await store.close();
    await store.open(folder, {
      retain: { undo: 5 },
      version: 2,
      migrate: (record) => ({ ...record, two: true }),
      ...carried(),
    });
    await store.compact();
    t.is(store.stats().opsCount, 0);
    t.deepEqual(store.get("c"), { n: 3, two: true });
    await store.close();
    await store.open(folder, { readOnly: true, ...carried() });
    t.deepEqual(store.entries(), [
      ["b", { n: 2, two: true }],
      ["c", { n: 3, two: true }],
    ]);
  },
);

test("operations that a checkpoint carried on as a whole behind a take-over of agents' logs are given once", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await opened(t, folder, undefined, { agentId: "a" });
  await agent.set("a", { n: 1 });
  await agent.close();
  const store = await opened(t, folder, 8);
  const positions = [store.position];
  for (let n = 2; n < 6; n++) {
    await store.set("a", { n });
    positions.push(store.position);
    await store.compact();
    await store.set("b", { n: 10 * n });
  }
  const all = await collect(store.changes());
  t.deepEqual(
    all.map(({ value }) => value.n),
    [1, 2, 20, 3, 30, 4, 40, 5, 50],
  );
  for (const [at, position] of positions.entries()) {
    const rest = await collect(store.changes({ after: position }));
    t.deepEqual(
      rest.map(({ value }) => value.n),
      all.map(({ value }) => value.n).slice(Math.max(1, 2 * at)),
    );
    const view = await store.at(position);
    t.deepEqual(view.get("a"), { n: at + 1 });
    view.close();
  }
  const backward = await collect(store.changes({ reverse: true }));
  t.deepEqual(backward.reverse(), all);
});

testsOfCarriers(
  "an operation that was carried on alone and undone then stays undone in the history, whether agents or a single writer have the store next",
  async (t, folder, carried) => {
    const store = await opened(t, folder, 3, carried());
    await store.set("a", { n: 1 });
    const undone = store.position;
    await store.compact();
    t.true(await store.undo());
    await store.close();
    for (const options of [{ agentId: "one" }, {}, { agentId: "two" }]) {
      await store.open(folder, { ...options, ...carried() });
      await store.set("b", { n: 2 });
      const found = (await collect(store.changes())).map(({ id }) => id);
      t.false(found.includes("a"), JSON.stringify(found));
      await t.throwsAsync(collect(store.changes({ after: undone })), { code: "OPSLOG_POSITION_GONE" });
      await t.throwsAsync(store.at(undone), { code: "OPSLOG_POSITION_GONE" });
      await store.close();
    }
  },
);

test("changes() and at() behind a position without an operation, whose logs were pruned while the folder changed hands, reject with OPSLOG_POSITION_GONE", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder, undefined);
  await store.set("a", { n: 1 });
  await store.compact();
  const { position } = store;
  await store.set("a", { n: 2 });
  await store.close();
  await store.open(folder, { agentId: "one" });
  await store.set("a", { n: 3 });
  await store.compact();
  await store.prune();
  await store.set("a", { n: 4 });
  await t.throwsAsync(collect(store.changes({ after: position })), { code: "OPSLOG_POSITION_GONE" });
  await t.throwsAsync(store.at(position), { code: "OPSLOG_POSITION_GONE" });
  await t.throwsAsync(store.revert({ to: position }), { code: "OPSLOG_POSITION_GONE" });
});

/** Calls that may fail while a store finds out what became of an earlier one. */
const settling = ["readManifest", "readOps", "createOpsFile", "appendOps", "writeManifest"];

/** A store behind a backend, what carries out its next call of the given kind and does not answer, and what heals it. */
async function unanswered(t, keep) {
  const bucket = memoryBucket();
  const backend = memoryBackend(bucket, { turn: null });
  const store = await opened(t, "bucket", keep, { backend, checkpointThreshold: Infinity });
  const broken = new Set();
  const fail = (name) => {
    throw new Error(`no answer to ${name}`);
  };
  backend.before = async (name) => broken.has(name) && name !== "lost" && fail(name);
  backend.after = async (name) => broken.has("lost") && name === "writeManifest" && fail(name);
  const losing = async (work) => {
    for (const name of ["lost", "readManifest"]) broken.add(name);
    await t.throwsAsync(work(), { code: "OPSLOG_FAILED", message: /not known/ });
    broken.clear();
  };
  /** The store, its history, a fresh reader and 0.8.1 show the same. */
  const agree = async (what) => {
    const reader = await opened(t, "bucket", undefined, { backend: memoryBackend(bucket), readOnly: true });
    t.deepEqual(reader.entries(), store.entries(), what);
    const theirs = new original.Store();
    await theirs.open("bucket", { backend: memoryBackend(bucket), readOnly: true });
    t.deepEqual(theirs.entries(), store.entries(), what);
    await theirs.close();
    const told = new Map();
    for (const { type, id, value } of await collect(store.changes()))
      if (type === "set") told.set(id, value);
      else told.delete(id);
    t.deepEqual(new Map(store.entries()), told, what);
    t.deepEqual(await collect(reader.changes()), await collect(store.changes()), what);
  };
  const reopen = async () => {
    await store.close().catch(() => {});
    await store.open("bucket", { backend, retain: { undo: keep }, checkpointThreshold: Infinity });
  };
  return { store, broken, losing, agree, reopen };
}

for (const [what, change] of Object.entries({
  "set()": (store) => store.set("c", { n: 3 }),
  "set() of the same record": (store) => store.set("b", { n: 3 }),
  "batch()": (store) =>
    store.batch(() => {
      store.set("b", { n: 3 });
      store.delete("a");
    }),
  "undo()": (store) => store.undo(),
  "compact()": (store) => store.compact(),
})) {
  test(`an undo() whose answer is lost, then ${what}: records, history and other readers agree, whichever call fails before`, async (t) => {
    for (const failing of [undefined, ...settling]) {
      const { store, broken, losing, agree, reopen } = await unanswered(t, 3);
      await store.set("z", { n: 0 });
      await store.batch(() => {
        store.set("a", { n: 1 });
        store.set("b", { n: 2 });
      });
      await losing(() => store.undo());
      if (failing !== undefined) {
        broken.add(failing);
        await change(store).catch(() => {});
        broken.clear();
      }
      // A manifest that may still arrive lets nothing be acknowledged.
      await change(store).catch((error) => (failing === "writeManifest" ? reopen() : Promise.reject(error)));
      await agree(`${failing} fails`);
      await store.compact();
      await agree(`${failing} fails, with a checkpoint`);
    }
  });
}

test("a checkpoint whose answer is lost keeps the last operations, also beside a change that is made next", async (t) => {
  for (const failing of [undefined, ...settling]) {
    const { store, broken, losing, agree } = await unanswered(t, 3);
    for (let n = 0; n < 6; n++) await store.set(`id${n}`, { n });
    await losing(() => store.compact());
    const made = ["id3", "id4", "id5", "id6"];
    if (failing !== undefined) {
      broken.add(failing);
      await store.set("id5", { n: 6 }).then(
        () => made.splice(3, 0, "id5"),
        () => {},
      );
      broken.clear();
    }
    await store.set("id6", { n: 7 });
    await agree(`${failing} fails`);
    t.deepEqual(idsOf(store.getOps()), made);
    await store.compact();
    await agree(`${failing} fails, with a checkpoint`);
    t.deepEqual(idsOf(store.getOps()), made.slice(-3));
    for (let n = 0; n < 3; n++) t.true(await store.undo());
    t.false(await store.undo());
    await agree(`${failing} fails, with three undone`);
  }
});
