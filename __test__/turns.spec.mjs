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
