import { join } from "node:path";
import { timed } from "../../measure.mjs";
import workload from "../../workloads/w10-compact.mjs";
import { loadFloors } from "../addon.mjs";
import { filesOf, groupOf } from "../group.mjs";

const copy =
  (steps) =>
  async ({ folder }) => {
    const addon = loadFloors();
    const { snapshot } = filesOf(folder);
    const { ms } = await timed(() => addon.copyRecords(snapshot, join(folder, "snapshots", "copy"), steps));
    return { compactMs: ms };
  };

export default groupOf(workload, {
  variants: { "1 M": { repeatsOf: { original: 2 } } },
  figures: ["compactMs"],
  stores: ["ours", "original"],
  floors: {
    "copies the records' bytes": copy(0),
    "and syncs the file and its folder": copy(1),
    "and an index of 16 bytes for each record, synced: the floor": copy(2),
  },
});
