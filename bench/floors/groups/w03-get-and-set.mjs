import { join } from "node:path";
import { measureCalls } from "../../measure.mjs";
import { makeId, makeOrder, makePool } from "../../record.mjs";
import workload from "../../workloads/w03-get-and-set.mjs";
import { loadFloors } from "../addon.mjs";
import { groupOf } from "../group.mjs";

/** A tenth of W3's calls a second and more: the value before is held as text, the line has what is different. */
function measure(makeGet) {
  return async ({ folder, variant }) => {
    const addon = loadFloors();
    addon.openLog(join(folder, "log"));
    const pool = makePool(variant.bytes);
    const objects = new Map();
    for (let n = 0; n < variant.records; n += 1) {
      addon.hold(makeId(n), JSON.stringify(pool[n % pool.length]));
      objects.set(makeId(n), { ...pool[n % pool.length] });
    }
    const get = makeGet(addon, objects);
    const ids = Array.from(makeOrder(variant.records, 150_000), makeId);
    const set = async (id, record) => {
      addon.append(id, JSON.stringify(record));
      objects.set(id, record);
    };
    const step = (n) => set(ids[n], { ...get(ids[n]), priority: n });
    return measureCalls(step, { warmup: 10_000, count: 100_000, latencies: 1 });
  };
}

export default groupOf(workload, {
  variants: { "180 B": {}, "2 KB": {} },
  figures: ["perSecond"],
  stores: ["ours", "original", "lmdb"],
  floors: {
    "the floor, and the record parsed anew for each `get()`": measure(
      (addon) => (id) => JSON.parse(addon.held(id)),
    ),
    "`get()` of a Map, a promise, JSON.stringify(), a line with the change, `write(2)`: the floor": measure(
      (_, objects) => (id) => objects.get(id),
    ),
  },
});
