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
async function measureSessions(work) {
  const times = [];
  for (let round = 0; round < WARMUP + ROUNDS; round += 1) {
    const began = performance.now();
    await work(round);
    if (round >= WARMUP) times.push(performance.now() - began);
  }
  return percentile(
    times.sort((a, b) => a - b),
    0.5,
  );
}

async function run({ store, folder, variant }) {
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
    "options, syncs included; medians within one process.",
  note: "Nearly all of it is syncs: the first manifest, snapshot and folders of a new store, and the checkpoint at `close()`. 0.8.1 syncs nothing.",
  variants: [{ name: "100 records", bytes: 180 }],
  stores: storeNames,
  figures: { freshMs: "fresh, ms", reopenMs: "reopened, ms" },
  main: "freshMs",
  run,
  targets: [
    { variant: "100 records", figure: "freshMs", times: 0.5, than: "original" },
    { variant: "100 records", figure: "reopenMs", times: 0.5, than: "original" },
  ],
};
