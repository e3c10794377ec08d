import { percentile, timed } from "../measure.mjs";
import { groupOf } from "../queries/records.mjs";
import { openSearched } from "../queries/stores.mjs";
import { large, searching, sizes } from "../queries/workload.mjs";

const CALLS = 2000;
const LIMIT_MS = 3000;

async function find(handle, n, records) {
  const found = await handle.group(groupOf(n, records));
  if (found.length !== 10) throw new Error(`${found.length} were found`);
}

async function run({ store, folder, variant }) {
  const { records } = variant;
  // What the modules that were loaded have left is no part of it.
  globalThis.gc?.();
  const { ms: firstMs, value: handle } = await timed(async () => {
    const opened = await openSearched(store.name, folder);
    await find(opened, 17, records);
    return opened;
  });
  const times = [];
  const started = performance.now();
  for (let call = 0; call < CALLS && performance.now() - started < LIMIT_MS; call += 1) {
    times.push((await timed(() => find(handle, call * 31, records))).ms);
  }
  await handle.close();
  const later = times.slice(times.length >> 2).sort((one, other) => one - other);
  return { firstMs, warmUs: percentile(later, 0.5) * 1000 };
}

export default {
  id: "W22",
  title: "Find by an index",
  text:
    "Ten records of one group are found: right after opening, and then again and again, each time those of another " +
    "group. lmdb and 0.8.1 have no indexes and go through all records.",
  note: "After `open()` the index is read from its file, page by page, as far as the query needs it. Then ten records are read and parsed. In a process that opens its first store, nearly half of the time goes to V8, which compiles some hundred functions of the package, and a quarter to loading the binary. lmdb and 0.8.1 have no such index: they look at each record.",
  variants: [...sizes, large],
  ...searching,
  figures: { firstMs: "open and find, ms", warmUs: "warm, us" },
  main: "warmUs",
  run,
  headlines: [{ variant: "1 M", figure: "warmUs", title: "find 10 of 1 M records by an index, us" }],
  targets: [
    { variant: "1 M", figure: "firstMs", atMost: 5 },
    { variant: "1 M", figure: "warmUs", atMost: 60 },
    { variant: "1 M", figure: "warmUs", times: 1, than: "better-sqlite3" },
  ],
};
