import { syncedWrites } from "../floors.mjs";
import { storeNames } from "../stores/index.mjs";
import { measureInserts, sizes } from "./inserts.mjs";

export default {
  id: "W2",
  title: "Awaited inserts, each synced",
  text:
    'New records, each awaited before the next; a resolved write is on the disk (`durability: "always"`). The ' +
    "event loop is busy, as Node counts it, also while a call waits for the disk in it.",
  note: "The time is nearly all the disk's, and differs from run to run. The floor is a blocking append and an `fdatasync` of a file that grows. This package and classic-level sync on another thread, which keeps the event loop free; lmdb and better-sqlite3 wait for the disk in the call.",
  variants: sizes,
  stores: storeNames,
  floors: { "write and fdatasync": syncedWrites() },
  figures: { loopBusyPercent: "event loop busy, %" },
  main: "perSecond",
  run: (context) =>
    measureInserts(context, { sync: "always" }, { warmup: 50, count: 10_000, latencies: 2000, turnEvery: 1 }),
  headlines: [
    { variant: "180 B", figure: "perSecond", title: 'the same, each synced (`durability: "always"`)' },
  ],
  targets: [
    { variant: "180 B", figure: "perSecond", times: 0.9, than: "better-sqlite3" },
    { variant: "2 KB", figure: "perSecond", times: 0.9, than: "better-sqlite3" },
    { variant: "180 B", figure: "loopBusyPercent", atMost: 50 },
  ],
};
