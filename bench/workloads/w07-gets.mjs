import { mapGets } from "../floors.mjs";
import { repeat, spread } from "../measure.mjs";
import { makeId, makeOrder, makePermutation } from "../record.mjs";
import { storeNames } from "../stores/index.mjs";

const HOT = 1_000_000;

/** Random gets of records that were looked at before, per second. */
async function hotGets(get, variant, asynchronous) {
  for (const n of makePermutation(variant.records)) if (!asynchronous) get(makeId(n));
  // Strings of their own, as a caller has them, and not those that a store may keep as its keys.
  const ids = Array.from({ length: variant.records }, (_, n) => makeId(n));
  const order = makeOrder(variant.records, HOT, 2);
  if (asynchronous) {
    const { calls, ms } = await repeat((n) => get(ids[order[n]]), { count: HOT, limitMs: 1000 });
    return { perSecond: (calls * 1000) / ms };
  }
  const started = performance.now();
  let found = 0;
  for (let n = 0; n < HOT; n += 1) if (get(ids[order[n]]) !== undefined) found += 1;
  const ms = performance.now() - started;
  if (found !== HOT) throw new Error("records are missing");
  return { perSecond: (HOT * 1000) / ms };
}

async function run({ store, folder, variant }) {
  const handle = await store.open(folder);
  const first = performance.now();
  await handle.get(makeId(variant.records >> 1));
  const veryFirstUs = (performance.now() - first) * 1000;
  const looks = [];
  for (const n of makePermutation(variant.records, 3).subarray(0, 10_000)) {
    const id = makeId(n);
    const began = performance.now();
    if (store.asynchronous) await handle.get(id);
    else handle.get(id);
    looks.push(performance.now() - began);
  }
  const { p50Us: firstLookUs, p99Us: firstLookP99Us } = spread(looks);
  const hot = await hotGets(handle.get, variant, store.asynchronous);
  await handle.close();
  return { ...hot, veryFirstUs, firstLookUs, firstLookP99Us };
}

export default {
  id: "W7",
  title: "Gets",
  text:
    "Hot: random gets over 100,000 records that have all been looked at. First look: the first get of a record " +
    "after open, over 10,000 of them; the very first also pays for code that never ran before.",
  note: "`get()` of a record that was looked at before is a lookup in a `Map`, as in 0.8.1; which of the two is ahead differs from run to run, as the lookups wait for memory. The first look reads the index's page and the record, and parses it. 0.8.1 has parsed all records in `open()`.",
  variants: [{ name: "100 k", bytes: 180, records: 100_000 }],
  stores: storeNames,
  floors: { "Map.get": mapGets(hotGets) },
  fixture: ({ records, bytes }) => ({ kind: "snapshot", records, bytes }),
  figures: {
    firstLookUs: "first look p50, us",
    firstLookP99Us: "first look p99, us",
    veryFirstUs: "very first, us",
  },
  main: "perSecond",
  run,
  headlines: [
    { variant: "100 k", figure: "perSecond", title: "`get()` of records looked at before, a second" },
    { variant: "100 k", figure: "firstLookUs", title: "first `get()` of a record, us" },
  ],
  targets: [
    { variant: "100 k", figure: "perSecond", times: 0.95, than: "original" },
    { variant: "100 k", figure: "firstLookUs", times: 1, than: "lmdb" },
  ],
};
