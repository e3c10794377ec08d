import { timed, withLoopDelay } from "../measure.mjs";
import { openSearched } from "../queries/stores.mjs";
import { large, searching, sizes } from "../queries/workload.mjs";

async function run({ store, folder, variant }) {
  const { records } = variant;
  const handle = await openSearched(store.name, folder, { isIndexed: false });
  const wanted = records / 1000;
  const query = { rank: { $gte: records / 2, $lt: records / 2 + wanted } };
  const { value, loopDelayMs } = await withLoopDelay(() => timed(() => handle.where(query)));
  if (value.value.length !== wanted) throw new Error(`${value.value.length} were found`);
  await handle.close();
  return { findMs: value.ms, loopDelayMs };
}

export default {
  id: "W23",
  title: "Find without an index",
  text: "One record of 1,000 is found by a field without an index, once, right after opening.",
  note: "The text of each record is searched natively; only what may match is parsed, and what matches becomes an object.",
  variants: [...sizes, large],
  ...searching,
  figures: { findMs: "find, ms", loopDelayMs: "longest delay of the loop, ms" },
  main: "findMs",
  run,
  targets: [
    { variant: "1 M", figure: "findMs", atMost: 250 },
    { variant: "1 M", figure: "loopDelayMs", atMost: 10 },
    { variant: "1 M", figure: "findMs", times: 1, than: "lmdb" },
    { variant: "1 M", figure: "findMs", times: 1, than: "better-sqlite3" },
  ],
};
