/** Whoever awaits one write after the other leaves the event loop its turns. */
import timers from "node:timers";
import test from "ava";
import { openOurs } from "./helpers/stores.mjs";

/** How often a timer ran while `work` was awaited. */
async function turnsDuring(work) {
  let turns = 0;
  const interval = setInterval(() => (turns += 1), 0);
  await work();
  clearInterval(interval);
  return turns;
}

test("set(), awaited over and over, lets timers run meanwhile", async (t) => {
  const { store } = await openOurs(t);
  const turns = await turnsDuring(async () => {
    for (let n = 0; n < 5000; n++) await store.set(`id-${n % 10}`, { n });
    for (let n = 0; n < 10; n++) await store.delete(`id-${n}`);
  });
  t.true(turns > 0);
});

test("batch() and undo(), awaited over and over, let timers run meanwhile", async (t) => {
  const { store } = await openOurs(t, { checkpointThreshold: 1e6 });
  const batches = await turnsDuring(async () => {
    for (let n = 0; n < 500; n++) {
      await store.batch(() => {
        for (let m = 0; m < 10; m++) store.set(`id-${m}`, { n });
      });
    }
  });
  t.true(batches > 0);
  const undos = await turnsDuring(async () => {
    for (let n = 0; n < 5000; n++) t.true(await store.undo());
  });
  t.true(undos > 0);
});

/** Calls that are done at once, or whose turn comes without the event loop's help. */
const atOnce = {
  "set() behind a batch()": (store, n) => {
    store.batch(() => {});
    return store.set("id", { n });
  },
  "set() behind a refresh()": (store, n) => {
    store.refresh();
    return store.set("id", { n });
  },
  "delete() behind a flush()": async (store, n) => {
    await Promise.all([store.flush(), store.set(`id-${n}`, { n }), store.delete(`id-${n}`)]);
  },
  "batch() that does nothing": (store) => store.batch(() => {}),
  "undo() of nothing": (store) => store.undo(),
  "archive() of nothing": (store) => store.archive(() => false),
  "flush()": (store) => store.flush(),
  "refresh()": (store) => store.refresh(),
  "tail()": (store) => store.tail(),
};

for (const [title, call] of Object.entries(atOnce)) {
  test(`${title}, awaited over and over, lets timers run meanwhile`, async (t) => {
    const { store } = await openOurs(t, { checkpointThreshold: 1e6 });
    const turns = await turnsDuring(async () => {
      for (let n = 0; n < 2000; n++) await call(store, n);
    });
    t.true(turns > 0);
  });
}

test("set(), many at once, awaited over and over, lets timers run meanwhile", async (t) => {
  const { store } = await openOurs(t, { checkpointThreshold: 1e6 });
  const turns = await turnsDuring(async () => {
    for (let n = 0; n < 400; n++) {
      await Promise.all(Array.from({ length: 50 }, (_, m) => store.set(`id-${m}`, { n })));
    }
  });
  t.true(turns > 0);
});

test("tail() of a reader that waits for a write in a loop, ends when the write comes", async (t) => {
  const { store, folder } = await openOurs(t);
  const reader = await openOurs(t, { folder, readOnly: true });
  await reader.store.tail();
  setTimeout(() => store.set("late", { n: 1 }), 5);
  let seen = [];
  for (let look = 0; seen.length === 0 && look < 1e6; look++) seen = await reader.store.tail();
  t.deepEqual(
    seen.map(({ id }) => id),
    ["late"],
  );
});

test("set(), thousands at once, resolve in the order of the calls", async (t) => {
  for (const writeMode of ["immediate", "group"]) {
    const { store } = await openOurs(t, { checkpointThreshold: 1e6, writeMode });
    const order = [];
    // The first of them is written alone, at the call; it is the one that a turn is due behind.
    for (let n = 0; n < 511; n++) await store.set("id", { n });
    const count = 3000;
    const calls = Array.from({ length: count }, (_, n) => store.set("id", { n }).then(() => order.push(n)));
    await Promise.all(calls);
    t.deepEqual(
      order,
      Array.from({ length: count }, (_, n) => n),
    );
  }
});

test.serial("set(), timers are faked, resolves all the same", async (t) => {
  const { store } = await openOurs(t);
  const real = [globalThis.setImmediate, timers.setImmediate];
  globalThis.setImmediate = timers.setImmediate = () => {};
  try {
    for (let n = 0; n < 2000; n++) await store.set("id", { n });
  } finally {
    [globalThis.setImmediate, timers.setImmediate] = real;
  }
  t.is(store.get("id").n, 1999);
});
