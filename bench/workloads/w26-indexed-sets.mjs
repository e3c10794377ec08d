import { measureCalls } from "../measure.mjs";
import { makeIdOf, makeSearched, poolOf } from "../queries/records.mjs";
import { openSearched } from "../queries/stores.mjs";

const stores = ["ours", "better-sqlite3", "nedb"];

async function run({ store, folder, variant }) {
  const records = 100_000;
  const pool = poolOf(variant.bytes);
  const handle = await openSearched(store.name, folder, { isIndexed: variant.isIndexed });
  const step = (n) => handle.set(makeIdOf(n), makeSearched(n, { records, pool }));
  const figures = await measureCalls(step, { count: records });
  await handle.close();
  return figures;
}

export default {
  id: "W26",
  title: "Awaited inserts with indexes",
  text: "Inserts, each awaited, into a store with three indexes and into one without.",
  note: "Each index takes a look at the value before and at the new one. The entries of the log are kept in memory until a checkpoint writes them.",
  variants: [
    { name: "three indexes", bytes: 180, isIndexed: true },
    { name: "no index", bytes: 180, isIndexed: false },
  ],
  stores,
  figures: { perSecond: "per second", p50Us: "p50, us", p99Us: "p99, us" },
  main: "perSecond",
  run,
  targets: [
    { variant: "three indexes", figure: "perSecond", times: 0.7, than: "ours", thanVariant: "no index" },
  ],
};
