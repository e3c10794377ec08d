import { measureCalls, timed } from "../measure.mjs";
import { groupOf, makeIdOf, makeSearched, poolOf } from "../queries/records.mjs";
import { openSearched } from "../queries/stores.mjs";

const stores = ["ours", "better-sqlite3", "nedb"];

async function run({ store, folder, variant }) {
  const records = 100_000;
  const pool = poolOf(variant.bytes);
  const handle = await openSearched(store.name, folder, { isIndexed: variant.isIndexed });
  const step = (n) => handle.set(makeIdOf(n), makeSearched(n, { records, pool }));
  const figures = await measureCalls(step, { count: records });
  const { ms: findMs } = await timed(() => handle.group(groupOf(17, records)));
  await handle.close();
  return { ...figures, findMs };
}

export default {
  id: "W26",
  title: "Awaited inserts with indexes",
  text: "Inserts, each awaited, into a store with three indexes and into one without. Then records are found by one of the fields.",
  note: "What was logged gets its entries in the indexes when a query looks for them, or when a checkpoint writes them: so the find that follows takes longer than later ones.",
  variants: [
    { name: "three indexes", bytes: 180, isIndexed: true },
    { name: "no index", bytes: 180, isIndexed: false },
    { name: "three indexes, 2 KB", bytes: 2048, isIndexed: true },
    { name: "no index, 2 KB", bytes: 2048, isIndexed: false },
  ],
  stores,
  figures: { perSecond: "per second", p50Us: "p50, us", p99Us: "p99, us", findMs: "find after them, ms" },
  main: "perSecond",
  run,
  targets: [
    { variant: "three indexes", figure: "perSecond", times: 0.7, than: "ours", thanVariant: "no index" },
  ],
};
