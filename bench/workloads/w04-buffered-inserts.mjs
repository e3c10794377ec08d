import { measureInserts } from "./inserts.mjs";

const compared = ["ours", "original", "lmdb", "classic-level"];

export default {
  id: "W4",
  title: "Awaited inserts, buffered",
  text:
    "New records in `group` and `async` mode, each awaited, flushed at the end. lmdb and classic-level: `put` " +
    "without awaiting it.",
  note: "What remains of an insert is `JSON.stringify`, a promise, the turns of the event loop, and the pages that the lines are written to. [Floors](floors.md#w4) takes it apart. lmdb neither makes JSON nor writes it: msgpackr's binary form goes into mapped memory.",
  variants: [
    { name: "group, 180 B", bytes: 180, mode: "group", stores: ["ours", "original"] },
    { name: "async, 180 B", bytes: 180, mode: "async" },
    { name: "async, 2 KB", bytes: 2048, mode: "async" },
  ],
  stores: compared,
  main: "perSecond",
  run: (context) =>
    measureInserts(context, { mode: context.variant.mode }, { count: 200_000, latencies: 20_000 }),
  targets: [
    { variant: "group, 180 B", figure: "perSecond", times: 6, than: "original" },
    { variant: "async, 180 B", figure: "perSecond", times: 6, than: "original" },
    { variant: "async, 180 B", figure: "perSecond", times: 1.1, than: "lmdb" },
    { variant: "async, 2 KB", figure: "perSecond", times: 1, than: "lmdb" },
  ],
};
