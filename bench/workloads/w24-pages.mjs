import { percentile, timed } from "../measure.mjs";
import { openSearched } from "../queries/stores.mjs";
import { large, searching, sizes } from "../queries/workload.mjs";

const LIMIT = 20;
const CALLS = 300;
const LIMIT_MS = 3000;

async function median(handle, skip) {
  const times = [];
  const started = performance.now();
  do {
    const { ms, value } = await timed(() => handle.page(skip, LIMIT));
    if (value.length !== LIMIT || value[0].rank !== skip)
      throw new Error(`a page began with ${value[0]?.rank}`);
    times.push(ms);
  } while (times.length < CALLS && performance.now() - started < LIMIT_MS);
  return percentile(
    times.sort((one, other) => one - other),
    0.5,
  );
}

async function run({ store, folder }) {
  const handle = await openSearched(store.name, folder);
  const firstMs = await median(handle, 0);
  const laterMs = await median(handle, 10_000);
  await handle.close();
  return { firstMs, laterMs };
}

export default {
  id: "W24",
  title: "Sorted pages",
  text: "A page of 20 records in the order of a field with an index: the first one, and the one behind 10,000 records.",
  note: "The index is in the order that is asked for: a page reads the entries before it and its own records.",
  variants: [...sizes, large],
  ...searching,
  figures: { firstMs: "first page, ms", laterMs: "page behind 10,000, ms" },
  main: "firstMs",
  run,
  targets: [
    { variant: "1 M", figure: "firstMs", atMost: 0.3 },
    { variant: "1 M", figure: "laterMs", atMost: 3 },
  ],
};
