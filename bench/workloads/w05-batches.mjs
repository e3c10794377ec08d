import { stringify, writesOfBatches } from "../floors.mjs";
import { measureCalls } from "../measure.mjs";
import { makeId, makePool } from "../record.mjs";
import { storeNames } from "../stores/index.mjs";
import { sizes } from "./inserts.mjs";

const SIZE = 1000;
const [WARMUP, COUNT, LATENCIES] = [10, 100, 50];

async function run({ store, folder, variant }) {
  const handle = await store.open(folder);
  const pool = makePool(variant.bytes);
  const batches = Array.from({ length: WARMUP + COUNT + LATENCIES }, (_, batch) =>
    Array.from({ length: SIZE }, (_, n) => [makeId(batch * SIZE + n), pool[n]]),
  );
  const step = (n) => handle.setMany(batches[n]);
  const limits = { warmup: WARMUP, count: COUNT, latencies: LATENCIES, turnEvery: 1 };
  const figures = await measureCalls(step, { ...limits, flush: () => handle.flush() });
  await handle.close();
  return { ...figures, perSecond: figures.perSecond * SIZE, calls: figures.calls * SIZE };
}

export default {
  id: "W5",
  title: "Batches",
  text: "Batches of 1,000 new records, all or nothing, awaited, no fsync. Latencies are those of a batch.",
  note: "The JSON of each value is made at the call, so that the value is checked there and later changes of the object have no effect. The rest copies ids and texts to the native side, builds the line, updates two hash tables, and makes one `write(2)` of all lines. lmdb writes a binary form, of less than half the size, into mapped memory. [Floors](floors.md#w5) takes a batch apart.",
  variants: sizes,
  stores: storeNames,
  floors: { "JSON.stringify": stringify, "one writeSync for 1,000 lines": writesOfBatches },
  main: "perSecond",
  run,
  headlines: [{ variant: "180 B", figure: "perSecond", title: "inserts in batches of 1,000, a second" }],
  targets: [
    { variant: "180 B", figure: "perSecond", times: 3, than: "original" },
    { variant: "180 B", figure: "perSecond", times: 1.15, than: "lmdb" },
    { variant: "2 KB", figure: "perSecond", times: 1.05, than: "lmdb" },
  ],
};
