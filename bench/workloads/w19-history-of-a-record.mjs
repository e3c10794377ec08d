import { withHistory, openWithHistory } from "../history/stores.mjs";
import { percentile, timed } from "../measure.mjs";
import { makeId } from "../record.mjs";

const CALLS = 200;
const LIMIT_MS = 3000;

async function run({ store, folder, variant }) {
  const handle = await openWithHistory(store.name, folder);
  const wanted = variant.operations / variant.records;
  const history = async (n) => {
    const found = await handle.historyOf(makeId((n * 104_729) % variant.records));
    if (found.length !== wanted) throw new Error(`${found.length} operations were found`);
  };
  const { ms: firstMs } = await timed(() => history(17));
  const times = [];
  const started = performance.now();
  for (let call = 1; call < CALLS && performance.now() - started < LIMIT_MS; call += 1) {
    times.push((await timed(() => history(call))).ms);
  }
  await handle.close();
  times.sort((one, other) => one - other);
  return { firstMs, laterMs: percentile(times, 0.5) };
}

export default {
  id: "W19",
  title: "History of one record",
  text:
    "All operations on one record, with the values before, right after opening and then for other records. Each has as many " +
    "operations, in as many sealed logs. better-sqlite3: a table that triggers fill, with an index on the id.",
  note: "Each sealed log has an index of ids. The first use reads one page of each, the later ones have them. better-sqlite3 looks up one index over all changes.",
  variants: [
    { name: "200 k in 20 logs", bytes: 180, records: 10_000, operations: 200_000, logs: 20, repeats: 3 },
    {
      name: "10 M in 500 logs",
      bytes: 100,
      records: 500_000,
      operations: 10_000_000,
      logs: 500,
      repeats: 1,
      slow: true,
    },
  ],
  stores: withHistory,
  fixture: ({ records, bytes, operations, logs }) => ({ kind: "history", records, bytes, operations, logs }),
  limitMs: 600_000,
  figures: { firstMs: "first, ms", laterMs: "later, ms" },
  main: "firstMs",
  run,
  headlines: [
    { variant: "10 M in 500 logs", figure: "firstMs", title: "20 of 10 M operations, of one record, ms" },
  ],
  targets: [{ variant: "10 M in 500 logs", figure: "firstMs", atMost: 50 }],
};
