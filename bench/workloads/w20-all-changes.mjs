import { parsedLines, parsedValues } from "../history/floors.mjs";
import { withHistory, openWithHistory } from "../history/stores.mjs";
import { memoryMb } from "../measure.mjs";

async function run({ store, folder, variant }) {
  const handle = await openWithHistory(store.name, folder);
  const before = memoryMb();
  let [count, mostMb] = [0, 0];
  const started = performance.now();
  await handle.changes(() => {
    count += 1;
    if (count % 100_000 === 0) mostMb = Math.max(mostMb, process.memoryUsage.rss() / 2 ** 20);
  });
  const perSecond = (count * 1000) / (performance.now() - started);
  if (count !== variant.operations) throw new Error(`${count} operations were found`);
  await handle.close();
  return { perSecond, grownMb: Math.max(0, mostMb - before) };
}

export default {
  id: "W20",
  title: "All changes",
  text:
    "All operations from the beginning on, one after the other, each as an object with value and the value before. " +
    "better-sqlite3: the rows of a table that triggers fill.",
  note: "`JSON.parse` is the largest part: it is given the value, and of the value before the fields that differ, which is less than the second floor parses. The logs are read on another thread meanwhile. better-sqlite3 gives the JSON as it was stored, and its reader parses it as well.",
  variants: [
    { name: "200 k in 20 logs", bytes: 180, records: 10_000, operations: 200_000, logs: 20, repeats: 3 },
    {
      name: "2 M in 100 logs",
      bytes: 180,
      records: 500_000,
      operations: 2_000_000,
      logs: 100,
      repeats: 1,
      slow: true,
    },
  ],
  stores: withHistory,
  fixture: ({ records, bytes, operations, logs }) => ({ kind: "history", records, bytes, operations, logs }),
  floors: { "JSON.parse of each line": parsedLines, "JSON.parse of both values": parsedValues },
  limitMs: 600_000,
  figures: { grownMb: "memory grown, MB" },
  main: "perSecond",
  run,
  headlines: [
    { variant: "2 M in 100 logs", figure: "perSecond", title: "changes per second, from the beginning" },
  ],
  targets: [{ variant: "2 M in 100 logs", figure: "perSecond", atLeast: 700_000 }],
};
