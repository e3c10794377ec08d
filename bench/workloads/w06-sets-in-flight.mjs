import { stringify, syncedWrites, writesOfBatches } from "../floors.mjs";
import { measureCalls } from "../measure.mjs";
import { makeIds, makePool } from "../record.mjs";

const IN_FLIGHT = 1000;
const [WARMUP, COUNT, LATENCIES] = [5, 100, 30];

async function run({ store, folder, variant }) {
  const handle = await store.open(folder, { sync: variant.sync, mode: variant.modes?.[store.name] });
  const pool = makePool(variant.bytes);
  const ids = makeIds((WARMUP + COUNT + LATENCIES) * IN_FLIGHT);
  const step = (round) => {
    const promises = [];
    for (let n = 0; n < IN_FLIGHT; n += 1) promises.push(handle.set(ids[round * IN_FLIGHT + n], pool[n]));
    return Promise.all(promises);
  };
  const limits = { warmup: WARMUP, count: COUNT, latencies: LATENCIES };
  const figures = await measureCalls(step, { ...limits, turnEvery: 1 });
  await handle.close();
  return { ...figures, perSecond: figures.perSecond * IN_FLIGHT, calls: figures.calls * IN_FLIGHT };
}

const modes = { lmdb: "in flight" };
const unsynced = { sync: "none", modes, floors: ["JSON.stringify", "one writeSync for 1,000 lines"] };
const synced = { sync: "always", modes, floors: ["1,000 lines and fdatasync"] };

export default {
  id: "W6",
  title: "Sets in flight",
  text:
    "1,000 new records set at once and awaited together, without and with fsync. Latencies are those of the " +
    "thousand. better-sqlite3 commits within a call: W5 has its transactions.",
  note: "Calls that follow each other within one turn share a write. The remaining work is `JSON.stringify`, a promise for each call, and the native side as in W5. lmdb hands its work to another thread.",
  variants: [
    { name: "no fsync, 180 B", bytes: 180, ...unsynced },
    { name: "no fsync, 2 KB", bytes: 2048, ...unsynced },
    { name: "always, 180 B", bytes: 180, ...synced },
    { name: "always, 2 KB", bytes: 2048, ...synced },
  ],
  stores: ["ours", "original", "lmdb", "classic-level", "nedb"],
  floors: {
    "JSON.stringify": stringify,
    "one writeSync for 1,000 lines": writesOfBatches,
    "1,000 lines and fdatasync": syncedWrites(IN_FLIGHT),
  },
  main: "perSecond",
  run,
  targets: [
    { variant: "no fsync, 180 B", figure: "perSecond", times: 70, than: "original" },
    { variant: "no fsync, 180 B", figure: "perSecond", times: 1.15, than: "lmdb" },
    { variant: "always, 180 B", figure: "perSecond", times: 1.15, than: "lmdb" },
  ],
};
