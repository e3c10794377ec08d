import { warmUp } from "./w09-open.mjs";

async function run({ store, folder, variant }) {
  await warmUp(store, folder);
  const started = performance.now();
  const handle = await store.open(folder, { checkpoints: "manual" });
  const openMs = performance.now() - started;
  const count = handle.count();
  const openAndCountMs = performance.now() - started;
  if (count !== variant.records) throw new Error(`count() is ${count}`);
  const { opsCount } = handle.native.stats();
  await handle.close();
  return { openAndCountMs, openMs, calls: opsCount };
}

export default {
  id: "W9b",
  title: "Open with a long log",
  text:
    "`open()` and `count()` where the log is nearly as long as the default options let it become, a quarter of " +
    "the snapshot's bytes. The log was written and closed, with default options, by another process.",
  note: "As W9: the log has an index of its own, so that its head is not replayed, and `count()` is in the index's header.",
  variants: [
    { name: "1 M", bytes: 180, records: 1_000_000, repeatsOf: { original: 1 } },
    { name: "5 M", bytes: 180, records: 5_000_000, repeats: 3, stores: ["ours"], slow: true },
  ],
  stores: ["ours", "original"],
  fixture: ({ records, bytes }) => ({ kind: "longLog", records, bytes }),
  figures: { openAndCountMs: "open and count, ms", openMs: "open, ms", calls: "operations in the log" },
  main: "openAndCountMs",
  run,
  targets: [
    { variant: "1 M", figure: "openAndCountMs", atMost: 30 },
    { variant: "5 M", figure: "openAndCountMs", atMost: 30 },
  ],
};
