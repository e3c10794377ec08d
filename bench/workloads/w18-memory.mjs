import { memoryMb, timed } from "../measure.mjs";
import { makeId, makePermutation, makeRecord } from "../record.mjs";

const CACHE_SIZE = 10_000;

/** Opens and closes a thousand times; what has grown after the first hundred was not given back. */
async function openAndClose({ store, folder, variant }) {
  let before;
  for (let n = 0; n < variant.times; n += 1) {
    if (n === 100) before = memoryMb();
    const handle = await store.open(folder);
    handle.get(makeId(n));
    await handle.close();
  }
  return { grownMb: memoryMb() - before };
}

/** Reads every record once in random order, and makes a checkpoint. */
async function readAll({ store, folder, variant }) {
  const opened = await timed(() => store.open(folder, { cacheSize: CACHE_SIZE }));
  const handle = opened.value;
  const { ms } = await timed(() => {
    for (const n of makePermutation(variant.records)) {
      if (handle.get(makeId(n)) === undefined) throw new Error(`${makeId(n)} is missing`);
    }
  });
  for (let n = 0; n < 1000; n += 1) await handle.set(makeId(n), makeRecord(n + 1, variant.bytes));
  const compacted = await timed(() => handle.native.compact());
  await handle.close();
  return { openMs: opened.ms, readPerSecond: (variant.records * 1000) / ms, compactMs: compacted.ms };
}

const times = "open and close 1,000 times";

export default {
  id: "W18",
  title: "Memory",
  text:
    "What a process has more of after it opened and closed a store of 10,000 records, with one `get()`, a " +
    "thousand times, against the hundredth time. And a large store: opened with `cacheSize` 10,000, each record " +
    "read once in random order, 1,000 sets, a checkpoint.",
  note: "With `cacheSize` each record is read from the snapshot, by its index, and parsed: the limit is the read of one page and one record for each `get()`, and V8's `JSON.parse`.",
  variants: [
    { name: times, bytes: 180, records: 10_000, times: 1000, repeats: 3 },
    { name: "all of 100 k", bytes: 180, records: 100_000, repeats: 1 },
    { name: "all of 5 M", bytes: 180, records: 5_000_000, repeats: 1, slow: true },
  ],
  stores: ["ours"],
  fixture: ({ records, bytes }) => ({ kind: "snapshot", records, bytes }),
  figures: {
    grownMb: "memory grown, MB",
    openMs: "open, ms",
    readPerSecond: "reads per second",
    compactMs: "checkpoint, ms",
  },
  main: "peakMemoryMb",
  run: (context) => (context.variant.times ? openAndClose(context) : readAll(context)),
  targets: [
    { variant: times, figure: "grownMb", atMost: 8 },
    { variant: "all of 5 M", figure: "peakMemoryMb", atMost: 1536 },
  ],
};
