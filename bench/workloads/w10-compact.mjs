import { setImmediate as turn } from "node:timers/promises";
import { spread, withLoopDelay } from "../measure.mjs";
import { makeId, makePool } from "../record.mjs";

/** Sets one after the other, with a turn of the event loop every twenty, until the compaction has ended. */
async function setsMeanwhile(handle, pool, isDone) {
  const times = [];
  for (let n = 0; !isDone(); n += 1) {
    const began = performance.now();
    await handle.set(makeId(n), pool[(n + 1) % pool.length]);
    times.push(performance.now() - began);
    if (n % 20 === 19) await turn();
  }
  return times;
}

async function run({ store, folder, variant }) {
  const handle = await store.open(folder);
  const pool = makePool(variant.bytes);
  for (let n = 0; n < 1000; n += 1) await handle.set(makeId(n), pool[n]);
  const { value, loopDelayMs } = await withLoopDelay(async () => {
    const started = performance.now();
    let compactMs = null;
    const compacted = handle.native.compact().then(() => (compactMs = performance.now() - started));
    const times = await setsMeanwhile(handle, pool, () => compactMs !== null);
    await compacted;
    return { compactMs, times };
  });
  await handle.close();
  return { compactMs: value.compactMs, sets: value.times.length, ...spread(value.times), loopDelayMs };
}

export default {
  id: "W10",
  title: "Compact while sets go on",
  text: "`compact()` of a million records, and meanwhile awaited sets, one after the other.",
  note: "Most of the time is spent in the kernel, writing and syncing the snapshot, which begins while lines are still being copied. In native code the largest parts are the lookup of changes of each record, the hash of its id and the index's pages.",
  variants: [
    { name: "100 k", bytes: 180, records: 100_000 },
    { name: "1 M", bytes: 180, records: 1_000_000, repeats: 3, slow: true },
  ],
  stores: ["ours", "original"],
  fixture: ({ records, bytes }) => ({ kind: "snapshot", records, bytes }),
  figures: { compactMs: "compact, ms", sets: "sets meanwhile" },
  main: "compactMs",
  run,
  headlines: [
    { variant: "1 M", figure: "compactMs", title: "`compact()` of 1 M records, ms" },
    { variant: "1 M", figure: "loopDelayMs", title: "longest event-loop delay meanwhile, ms" },
  ],
  targets: [
    { variant: "1 M", figure: "compactMs", times: 10, than: "original" },
    { variant: "1 M", figure: "loopDelayMs", atMost: 20 },
    { variant: "1 M", figure: "p99Us", atMost: 1000 },
  ],
};
