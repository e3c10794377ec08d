import { timed } from "../../measure.mjs";
import { makeIds, makePool } from "../../record.mjs";
import workload from "../../workloads/w05-batches.mjs";
import { groupOf } from "../group.mjs";
import { encode } from "../encoder.mjs";
import { openBuffer } from "../inserts.mjs";

const [WARM, COUNT] = [10_000, 100_000];

let sink = 0;

/** `makeStep` returns a function of an id, a record and a number, which is called for each record. */
function each(makeStep) {
  return async ({ folder, variant }) => {
    const pool = makePool(variant.bytes);
    const ids = makeIds(WARM + COUNT);
    const step = makeStep(folder);
    const run = (from, to) => {
      for (let n = from; n < to; n += 1) sink += step(ids[n], pool[n % pool.length], n) === undefined ? 0 : 1;
    };
    run(0, WARM);
    const { ms } = await timed(() => run(WARM, WARM + COUNT));
    if (sink < 0) throw new Error("nothing was made");
    return { perSecond: (COUNT * 1000) / ms };
  };
}

export default groupOf(workload, {
  variants: { "180 B": {}, "2 KB": {} },
  figures: ["perSecond"],
  stores: ["ours", "original", "lmdb"],
  floors: {
    "an encoder in JS": each(() => (_, record) => encode(record)),
    "JSON.stringify()": each(() => (_, record) => JSON.stringify(record)),
    "and both strings over Node-API": each((folder) => {
      const { addon } = openBuffer(folder);
      return (id, record) => addon.cross(id, JSON.stringify(record));
    }),
    "and a line, two tables, one write for a thousand: the floor": each((folder) => openBuffer(folder).add),
  },
});
