import { timed } from "../measure.mjs";
import { makeIdOf } from "../queries/records.mjs";
import { openSearched } from "../queries/stores.mjs";
import { large, searching, sizes } from "../queries/workload.mjs";

async function run({ store, folder, variant }) {
  // The ids of a thousand records that follow each other differ in their last three digits.
  const prefix = makeIdOf(variant.records / 2).slice(0, -3);
  const handle = await openSearched(store.name, folder);
  const { ms: firstMs, value } = await timed(() => handle.prefix(prefix));
  if (value.length !== 1000) throw new Error(`${value.length} were found`);
  const { ms: secondMs } = await timed(() => handle.prefix(prefix));
  await handle.close();
  return { firstMs, secondMs };
}

export default {
  id: "W25",
  title: "A range of ids",
  text: "A thousand records whose ids begin alike, right after opening, and once more.",
  note: "The order of ids is kept beside the snapshot, so that a prefix is one place in it and what follows.",
  variants: [...sizes, large],
  ...searching,
  figures: { firstMs: "first, ms", secondMs: "second, ms" },
  main: "firstMs",
  run,
  targets: [{ variant: "1 M", figure: "firstMs", atMost: 10 }],
};
