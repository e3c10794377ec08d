import { measureCalls } from "../../measure.mjs";
import { makeIds, makePool } from "../../record.mjs";
import workload from "../../workloads/w06-sets-in-flight.mjs";
import { groupOf } from "../group.mjs";
import { openBuffer } from "../inserts.mjs";

const IN_FLIGHT = 1000;
const [WARMUP, COUNT] = [5, 100];

function inFlight(makeSet) {
  return async ({ folder, variant }) => {
    const pool = makePool(variant.bytes);
    const ids = makeIds((WARMUP + COUNT + 1) * IN_FLIGHT);
    const buffer = openBuffer(folder);
    const set = makeSet(buffer);
    const step = async (round) => {
      const promises = [];
      for (let n = 0; n < IN_FLIGHT; n += 1) promises.push(set(ids[round * IN_FLIGHT + n], pool[n], n));
      await Promise.all(promises);
      if (variant.sync === "always") buffer.addon.sync();
    };
    const figures = await measureCalls(step, { warmup: WARMUP, count: COUNT, latencies: 1 });
    return { perSecond: figures.perSecond * IN_FLIGHT };
  };
}

export default groupOf(workload, {
  variants: { "no fsync, 180 B": {}, "always, 180 B": {} },
  figures: ["perSecond"],
  stores: ["ours", "original", "lmdb"],
  floors: {
    "a promise for each": inFlight(() => async () => {}),
    "and JSON.stringify()": inFlight(() => async (_, record) => void JSON.stringify(record)),
    "and a line, two tables, one write for a thousand: the floor": inFlight(
      ({ add }) =>
        async (id, record, n) =>
          add(id, record, n),
    ),
  },
});
