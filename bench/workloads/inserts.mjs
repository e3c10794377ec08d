/** New records, one awaited after the other: what W1, W2 and W4 have in common. */
import { measureCalls } from "../measure.mjs";
import { makeIds, makePool } from "../record.mjs";

export async function measureInserts(
  { store, folder, variant },
  options,
  { warmup = 2000, count, latencies, turnEvery },
) {
  const handle = await store.open(folder, options);
  const pool = makePool(variant.bytes);
  const ids = makeIds(warmup + count + latencies);
  const step = (n) => handle.set(ids[n], pool[n % pool.length]);
  const figures = await measureCalls(step, {
    warmup,
    count,
    latencies,
    turnEvery,
    flush: () => handle.flush(),
  });
  if ((await handle.get(ids[warmup])) === undefined) throw new Error("a record is missing");
  await handle.close();
  return figures;
}

export const sizes = [
  { name: "180 B", bytes: 180 },
  { name: "2 KB", bytes: 2048 },
];
