import workload from "../../workloads/w04-buffered-inserts.mjs";
import { groupOf } from "../group.mjs";
import { awaited, openBuffer, promiseAlone, promiseAndText } from "../inserts.mjs";

async function buffered(context) {
  const buffer = openBuffer(context.folder);
  return awaited(context, async (id, record, n) => buffer.add(id, record, n));
}

export default groupOf(workload, {
  variants: { "group, 180 B": { stores: ["ours", "original"] }, "async, 180 B": {} },
  figures: ["perSecond"],
  stores: ["ours", "original", "lmdb"],
  floors: {
    "a promise": promiseAlone,
    "and JSON.stringify()": promiseAndText,
    "and a line, two tables, one write for a thousand: the floor": buffered,
  },
});
