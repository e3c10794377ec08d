import { join } from "node:path";
import { stat } from "node:fs/promises";
import { filesIn } from "../../folders.mjs";
import { timed } from "../../measure.mjs";
import { makeId, makeOrder, makeRecord } from "../../record.mjs";
import { loadStore } from "../../stores/index.mjs";
import workload from "../../workloads/w11-few-sets.mjs";
import { loadFloors } from "../addon.mjs";
import { filesOf, groupOf } from "../group.mjs";

/** Awaited sets of records that are in the snapshot, whose values before stand in the lines; then so many checkpoints. */
const sets = (checkpoints) => async (context) => {
  const { folder, variant } = context;
  const addon = loadFloors();
  const { snapshot } = filesOf(folder);
  addon.openLog(join(folder, "log"));
  addon.openRecords(snapshot);
  addon.findPlaces();
  const order = makeOrder(variant.records, variant.sets, 5);
  const values = Array.from(order, (_, n) => makeRecord(variant.records + n, variant.bytes));
  const set = async (id, record) => {
    addon.hold(id, addon.record(id));
    addon.append(id, JSON.stringify(record));
  };
  const { ms } = await timed(async () => {
    for (const [n, at] of order.entries()) await set(makeId(at), values[n]);
    for (let n = 0; n < checkpoints; n += 1)
      addon.copyRecords(snapshot, join(folder, "snapshots", `copy-${n}`), 2);
  });
  return { totalMs: ms };
};

/** What the files of a kind take after a run of this package, in times of the data. */
const kept = (isMeant) => async (context) => {
  const { folder, variant } = context;
  await workload.run({ ...context, store: await loadStore("ours") });
  const { snapshot } = filesOf(folder);
  let bytes = 0;
  for (const file of await filesIn(folder)) {
    const name = file.slice(folder.length + 1);
    if (isMeant(name, file === snapshot)) bytes += (await stat(file)).size;
  }
  return { diskTimes: bytes / (variant.records * (variant.bytes + makeId(0).length)) };
};

const time = {
  "reads each value before, a promise, JSON.stringify(), a line, `write(2)`": sets(0),
  "the floor: and one checkpoint as in W10, where the threshold asks for more": sets(1),
};
const [sets0, sets1] = Object.keys(time);
const disk = {
  "of that, indexes": kept((name) => name.startsWith("index")),
  "of that, superseded snapshots": kept((name, isCurrent) => name.startsWith("snapshots") && !isCurrent),
  "of that, logs: the values and the values before": kept((name) => name.startsWith("ops")),
  "of that, the current snapshot": kept((_, isCurrent) => isCurrent),
  "the floor: snapshot and logs": kept((name, isCurrent) => isCurrent || name.startsWith("ops")),
};
const onDisk = { stores: ["ours"], floors: Object.keys(disk) };

export default groupOf(workload, {
  variants: {
    "1 M, 300 sets": { floors: [sets0], repeatsOf: { original: 1 } },
    "1 M, 3,000 sets": { floors: [sets0], repeatsOf: { original: 1 } },
    "1 M, 300 sets, threshold 100": { stores: ["ours"], floors: [sets0, sets1] },
    "10 k, 3,000 sets": onDisk,
    "10 k, 3,000 sets, threshold 100": onDisk,
  },
  figures: ["totalMs", "diskTimes"],
  stores: ["ours", "original", "lmdb"],
  floors: { ...time, ...disk },
});
