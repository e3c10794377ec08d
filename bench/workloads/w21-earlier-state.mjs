import { withHistory, openWithHistory } from "../history/stores.mjs";
import { percentile, timed } from "../measure.mjs";
import { makeId, makePool } from "../record.mjs";

const CALLS = 20;

async function run({ store, folder, variant }) {
  const handle = await openWithHistory(store.name, folder);
  const { records, back } = variant;
  const pool = makePool(variant.bytes);
  const mark = await handle.mark();
  for (let n = 0; n < back; n += 1000) {
    const entries = Array.from({ length: 1000 }, (_, place) => {
      const id = ((n + place) * 7919) % records;
      return [makeId(id), { ...pool[id % pool.length], priority: 7000 + n }];
    });
    await handle.setMany(entries);
  }
  const look = async (call) => {
    const view = await handle.at(mark);
    const found = await view.get(makeId((call * 7919) % records));
    if (found.priority >= 7000) throw new Error("the value is a later one");
    view.close();
  };
  const { ms: firstMs } = await timed(() => look(0));
  const times = [];
  for (let call = 1; call < CALLS; call += 1) times.push((await timed(() => look(call))).ms);
  await handle.close();
  times.sort((one, other) => one - other);
  return { firstMs, laterMs: percentile(times, 0.5) };
}

export default {
  id: "W21",
  title: "An earlier state",
  text:
    "The store as it was some operations back, and one record of it. better-sqlite3: the first row behind that place, of that " +
    "record, in a table that triggers fill; it answers for one record, `at()` for all.",
  note: "`at()` copies nothing: it notes what the operations since then changed. What it reads is the logs since that place.",
  variants: [
    {
      name: "100 k, 10 k back",
      bytes: 180,
      records: 100_000,
      operations: 100_000,
      logs: 1,
      back: 10_000,
      repeats: 3,
    },
    {
      name: "1 M, 10 k back",
      bytes: 180,
      records: 1_000_000,
      operations: 1_000_000,
      logs: 10,
      back: 10_000,
      repeats: 3,
      slow: true,
    },
  ],
  stores: withHistory,
  fixture: ({ records, bytes, operations, logs }) => ({ kind: "history", records, bytes, operations, logs }),
  limitMs: 600_000,
  figures: { firstMs: "first, ms", laterMs: "later, ms" },
  main: "laterMs",
  run,
  headlines: [
    { variant: "1 M, 10 k back", figure: "laterMs", title: "1 M records as 10 k operations ago, ms" },
  ],
  targets: [{ variant: "1 M, 10 k back", figure: "laterMs", atMost: 30 }],
};
