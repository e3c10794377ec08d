import { join } from "node:path";
import { awaitedWrites } from "../../floors.mjs";
import workload from "../../workloads/w01-awaited-inserts.mjs";
import { loadFloors } from "../addon.mjs";
import { groupOf } from "../group.mjs";
import { awaited, promiseAlone, promiseAndText } from "../inserts.mjs";

async function append(context) {
  const addon = loadFloors();
  addon.openLog(join(context.folder, "log"));
  return awaited(context, async (id, record) => addon.append(id, JSON.stringify(record)));
}

export default groupOf(workload, {
  variants: { "180 B": {} },
  figures: ["perSecond"],
  stores: ["ours", "original", "lmdb"],
  floors: {
    "awaited writeSync": awaitedWrites,
    "a promise": promiseAlone,
    "and JSON.stringify()": promiseAndText,
    "and a line, `write(2)`, two tables: the floor": append,
  },
});
