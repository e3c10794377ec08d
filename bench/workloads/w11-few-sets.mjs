import { sizeOnDisk } from "../folders.mjs";
import { makeId, makeOrder, makeRecord } from "../record.mjs";

async function run({ store, folder, variant }) {
  const { records, sets, bytes, checkpoints } = variant;
  const handle = await store.open(folder, { checkpoints });
  const update = handle.update ?? handle.set;
  const order = makeOrder(records, sets, 5);
  const values = Array.from({ length: sets }, (_, n) => makeRecord(records + n, bytes));
  const started = performance.now();
  for (let n = 0; n < sets; n += 1) await update(makeId(order[n]), values[n]);
  const setsMs = performance.now() - started;
  await handle.close();
  const totalMs = performance.now() - started;
  const dataBytes = records * (bytes + makeId(0).length);
  return { totalMs, setsMs, diskTimes: (await sizeOnDisk(folder)) / dataBytes };
}

function defaults(name, records, sets, more) {
  const title = `${name}, ${sets.toLocaleString("en-US")} sets`;
  return { name: title, bytes: 180, records, sets, checkpoints: "default", ...more };
}

// 0.8.1 has no other way than this: the default options' figures are its figures.
function explicit(name, records, sets, more) {
  const title = `${name}, ${sets.toLocaleString("en-US")} sets, threshold 100`;
  return { name: title, bytes: 180, records, sets, checkpoints: 100, stores: ["ours"], ...more };
}

const both = ["ours", "original"];

export default {
  id: "W11",
  title: "A few sets on many records",
  text:
    "300 and 3,000 awaited sets of random records, then `close()`; without the time to open. On disk, in times " +
    "of the data: all files, over the bytes of ids and records.",
  limitMs: 600_000,
  note: "With default options no checkpoint is due on large stores, so that the time does not depend on their size. With an explicit threshold of 100 operations checkpoints are most of it: writing and syncing the snapshot, copying lines, looking up changes of each record, the index. The disk space misses its target where checkpoints follow each other fast on a small store. A checkpoint keeps the snapshot that it supersedes until another one comes at least 10 s later, because a reader of 0.8.1 that has just read the manifest does not read it a second time; and it keeps each sealed log, which also holds the previous values, until `prune()` or `retain` deletes it.",
  variants: [
    defaults("10 k", 10_000, 300),
    defaults("10 k", 10_000, 3000, { repeatsOf: { original: 2 } }),
    defaults("100 k", 100_000, 300, { repeatsOf: { original: 2 } }),
    defaults("100 k", 100_000, 3000, { repeatsOf: { original: 1 }, slow: true }),
    defaults("1 M", 1_000_000, 300, { repeatsOf: { original: 1 }, slow: true }),
    defaults("1 M", 1_000_000, 3000, { repeatsOf: { original: 1 }, slow: true }),
    explicit("100 records", 100, 3000, { stores: both, repeatsOf: { original: 2 } }),
    explicit("10 k", 10_000, 3000),
    explicit("100 k", 100_000, 3000, { repeats: 3, slow: true }),
    explicit("1 M", 1_000_000, 300, { repeats: 2, slow: true }),
    explicit("1 M", 1_000_000, 3000, { repeats: 1, slow: true }),
  ],
  stores: ["ours", "original", "lmdb", "better-sqlite3"],
  fixture: ({ records, bytes }) => ({ kind: "snapshot", records, bytes }),
  figures: { totalMs: "sets and close, ms", setsMs: "sets, ms", diskTimes: "on disk, times the data" },
  main: "totalMs",
  run,
  headlines: [
    { variant: "1 M, 3,000 sets", figure: "totalMs", title: "3,000 sets on 1 M records and close, ms" },
  ],
  targets: [
    { variant: "1 M, 300 sets", figure: "totalMs", times: 1000, than: "original" },
    { variant: "1 M, 3,000 sets", figure: "totalMs", times: 1000, than: "original" },
    ...["1 M, 300 sets", "1 M, 3,000 sets"].map((thanVariant) => ({
      variant: `${thanVariant}, threshold 100`,
      figure: "totalMs",
      times: 8,
      than: "original",
      thanVariant,
    })),
    { ...explicitTarget("100 k"), times: 4 },
    { ...explicitTarget("10 k"), times: 1 },
    { variant: "100 records, 3,000 sets, threshold 100", figure: "totalMs", times: 1, than: "original" },
    ...["10 k", "100 k", "1 M"].flatMap((size) => [
      { variant: `${size}, 3,000 sets`, figure: "diskTimes", atMost: 4 },
      { variant: `${size}, 3,000 sets, threshold 100`, figure: "diskTimes", atMost: 4 },
    ]),
  ],
};

function explicitTarget(size) {
  const thanVariant = `${size}, 3,000 sets`;
  return { variant: `${thanVariant}, threshold 100`, figure: "totalMs", than: "original", thanVariant };
}
