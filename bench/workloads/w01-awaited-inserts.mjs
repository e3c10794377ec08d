import { awaitedWrites, stringify } from "../floors.mjs";
import { storeNames } from "../stores/index.mjs";
import { measureInserts, sizes } from "./inserts.mjs";

export default {
  id: "W1",
  title: "Awaited inserts",
  text: "New records, each awaited before the next, immediate mode, no fsync.",
  note: "Immediate mode promises one `write(2)` for each awaited call, and a loop around `fs.writeSync` that does nothing else is the floor. The rest is `JSON.stringify`, a promise for each call, the line, and two hash tables. 0.8.1 opens, writes and closes the file each time. A store that writes at each call cannot be fifty times as fast as 0.8.1 where the floor is not.",
  variants: sizes,
  stores: storeNames,
  floors: { "JSON.stringify": stringify, "awaited writeSync": awaitedWrites },
  main: "perSecond",
  run: (context) => measureInserts(context, {}, { count: 100_000, latencies: 20_000 }),
  headlines: [{ variant: "180 B", figure: "perSecond", title: "awaited inserts a second" }],
  targets: [
    { variant: "180 B", figure: "perSecond", times: 50, than: "original" },
    { variant: "180 B", figure: "perSecond", times: 1.15, than: "lmdb" },
    { variant: "2 KB", figure: "perSecond", times: 1.05, than: "lmdb" },
    { variant: "180 B", figure: "perSecond", times: 0.9, than: "awaited writeSync" },
  ],
};
