import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { percentile } from "../measure.mjs";
import { makeId, makePool } from "../record.mjs";
import { storeNames } from "../stores/index.mjs";

const [RECORDS, ROUNDS, WARMUP] = [100, 50, 10];

async function session(store, folder, id, record) {
  const handle = await store.open(folder, { checkpoints: "default" });
  await (handle.update ?? handle.set)(id, record);
  await handle.close();
}

/** The median time of a session, without the first ones. */
async function measureSessions(work, warmup = WARMUP, rounds = ROUNDS) {
  const times = [];
  for (let round = 0; round < warmup + rounds; round += 1) {
    const began = performance.now();
    await work(round);
    if (round >= warmup) times.push(performance.now() - began);
  }
  return percentile(
    times.sort((a, b) => a - b),
    0.5,
  );
}

/** In memory, where a session is too short for few of them to say anything. */
async function runInMemory({ store, variant }) {
  const [record] = makePool(variant.bytes);
  const freshMs = await measureSessions(
    async () => {
      const handle = await store.open(":memory:");
      await handle.set(makeId(0), record);
      await handle.close();
    },
    2000,
    2000,
  );
  return { freshMs };
}

async function run({ store, folder, variant }) {
  if (variant.inMemory) return runInMemory({ store, variant });
  const pool = makePool(variant.bytes);
  const fresh = Array.from({ length: WARMUP + ROUNDS }, (_, n) => join(folder, `fresh-${n}`));
  for (const each of fresh) await mkdir(each);
  const freshMs = await measureSessions(async (n) => {
    const handle = await store.open(fresh[n], { checkpoints: "default" });
    await handle.set(makeId(0), pool[0]);
    await handle.close();
  });
  const again = join(folder, "again");
  await mkdir(again);
  const handle = await store.open(again, { checkpoints: "default" });
  for (let n = 0; n < RECORDS; n += 1) await handle.set(makeId(n), pool[n]);
  await handle.close();
  const reopenMs = await measureSessions((n) => session(store, again, makeId(n % RECORDS), pool[n + 1]));
  return { freshMs, reopenMs };
}

export default {
  id: "W16",
  title: "Short sessions",
  text:
    "What a test suite does: open a fresh folder, set, close; and reopen, set, close, with 100 records. Default " +
    "options, syncs included; medians within one process. In memory: open, set, close.",
  note: "Nearly all of it is syncs: the first manifest, snapshot and folders of a new store, and the checkpoint at `close()`. 0.8.1 syncs nothing.",
  variants: [
    { name: "100 records", bytes: 180 },
    { name: "in memory", bytes: 180, inMemory: true, stores: ["ours"] },
  ],
  stores: storeNames,
  figures: { freshMs: "fresh, ms", reopenMs: "reopened, ms" },
  main: "freshMs",
  run,
  targets: [
    { variant: "in memory", figure: "freshMs", atMost: 0.1 },
    { variant: "100 records", figure: "freshMs", times: 0.5, than: "original" },
    { variant: "100 records", figure: "reopenMs", times: 0.5, than: "original" },
  ],
};
