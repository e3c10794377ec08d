import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readFiles } from "../floors.mjs";
import { memoryMb } from "../measure.mjs";
import { makeId, makePool } from "../record.mjs";
import { storeNames } from "../stores/index.mjs";

const opslog = ["ours", "original"];

/** Opens an empty store first, so that no native library has to be loaded later. */
export async function warmUp(store, folder) {
  const other = join(folder, "..", "warm");
  await mkdir(other, { recursive: true });
  const handle = await store.open(other);
  await handle.set(makeId(0), makePool(100)[0]);
  await handle.get(makeId(0));
  await handle.close();
}

async function run({ store, folder, variant }) {
  await warmUp(store, folder);
  if (variant.withoutIndex) await rm(join(folder, "index"), { recursive: true, force: true });
  const before = memoryMb();
  const started = performance.now();
  const handle = await store.open(folder);
  const openMs = performance.now() - started;
  if ((await handle.get(makeId(variant.records >> 1))) === undefined) throw new Error("a record is missing");
  const openAndGetMs = performance.now() - started;
  const grownMb = memoryMb() - before;
  await handle.close();
  return { openAndGetMs, openMs, grownMb };
}

const readingTheFiles = async (context) => ({ openAndGetMs: (await readFiles(context)).ms });

export default {
  id: "W9",
  title: "Open",
  text:
    "`open()` to the first `get()` in a fresh process that has opened another, empty store before. Memory is " +
    "what the process has more of afterwards.",
  note: "With an index the time does not depend on the number of records: some twenty system calls (three folders, the lock, a search for files of a crash, the manifest, the first page of the index, the first line and the last 4 KB of the snapshot, the log), on the thread that calls. better-sqlite3 opens one file and takes no lock that outlives the process. Without an index the snapshot is read once from one end to the other, each line is checked, and the index is written and synced.",
  variants: [
    { name: "10 k", bytes: 180, records: 10_000 },
    { name: "100 k", bytes: 180, records: 100_000 },
    { name: "1 M", bytes: 180, records: 1_000_000, slow: true },
    { name: "100 k, 2 KB", bytes: 2048, records: 100_000 },
    {
      name: "1 M, no index yet",
      bytes: 180,
      records: 1_000_000,
      withoutIndex: true,
      stores: opslog,
      slow: true,
    },
    { name: "100 k in the log", bytes: 180, records: 100_000, kind: "log", stores: opslog },
    {
      name: "100 k in the log, no index yet",
      bytes: 180,
      records: 100_000,
      kind: "log",
      withoutIndex: true,
      stores: opslog,
    },
  ],
  stores: storeNames,
  absent: { nedb: { "1 M": "it keeps all in memory and takes minutes" } },
  floors: { "reading the files": readingTheFiles },
  fixture: ({ kind = "snapshot", records, bytes }) => ({ kind, records, bytes }),
  figures: { openAndGetMs: "open and get, ms", openMs: "open, ms", grownMb: "memory grown, MB" },
  main: "openAndGetMs",
  run,
  headlines: [
    { variant: "1 M", figure: "openAndGetMs", title: "open 1 M records and get one, ms" },
    { variant: "1 M", figure: "grownMb", title: "memory for that, MB" },
  ],
  targets: [
    { variant: "1 M", figure: "openAndGetMs", atMost: 1.8 },
    { variant: "1 M", figure: "openAndGetMs", times: 1, than: "better-sqlite3" },
    { variant: "1 M", figure: "openAndGetMs", times: 0.5, than: "ours", thanVariant: "10 k" },
    { variant: "1 M, no index yet", figure: "openAndGetMs", times: 8, than: "original" },
    { variant: "1 M", figure: "grownMb", times: 20, than: "original" },
    { variant: "100 k in the log", figure: "openAndGetMs", times: 6, than: "original" },
    { variant: "100 k in the log, no index yet", figure: "openAndGetMs", atMost: 25 },
  ],
};
