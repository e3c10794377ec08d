import { join } from "node:path";
import { measureCalls } from "../../measure.mjs";
import { makeId, makeOrder, makePool } from "../../record.mjs";
import workload from "../../workloads/w03-get-and-set.mjs";
import { loadFloors } from "../addon.mjs";
import { groupOf } from "../group.mjs";
import { copyOf } from "../inserts.mjs";

/** The value before is held as text, the line has what is different. `makeWays` returns how a record is got, and what `set()` keeps. */
function measure(makeWays) {
  return async ({ folder, variant }) => {
    const addon = loadFloors();
    addon.openLog(join(folder, "log"));
    const pool = makePool(variant.bytes);
    const objects = new Map();
    for (let n = 0; n < variant.records; n += 1) {
      addon.hold(makeId(n), JSON.stringify(pool[n % pool.length]));
      objects.set(makeId(n), { ...pool[n % pool.length] });
    }
    const { get, keep } = makeWays(addon, objects);
    const ids = Array.from(makeOrder(variant.records, 150_000), makeId);
    const set = async (id, record) => {
      addon.append(id, JSON.stringify(record));
      keep(id, record);
    };
    const step = (n) => set(ids[n], { ...get(ids[n]), priority: n });
    return measureCalls(step, { warmup: 10_000, count: 100_000, latencies: 1 });
  };
}

const parsed = (addon) => ({ get: (id) => JSON.parse(addon.held(id)), keep: () => {} });

const held = (keptOf) => (_, objects) => ({
  get: (id) => objects.get(id),
  keep: (id, record) => objects.set(id, keptOf(record)),
});

export default groupOf(workload, {
  variants: { "180 B": {}, "2 KB": {} },
  figures: ["perSecond"],
  stores: ["ours", "original", "lmdb"],
  floors: {
    "a promise, JSON.stringify(), a line with the change, `write(2)`; `get()` parses the text":
      measure(parsed),
    "the same; `get()` of a Map with the caller's object, as in 0.8.1": measure(held((record) => record)),
    "the same; `get()` of a Map with a copy that `set()` makes: the floor": measure(held(copyOf)),
  },
});
