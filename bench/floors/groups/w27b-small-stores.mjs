import { timed } from "../../measure.mjs";
import workload from "../../workloads/w27b-small-stores.mjs";
import { loadFloors } from "../addon.mjs";
import { filesOf, groupOf } from "../group.mjs";

const PIECE_BYTES = 64 * 1024;

/** The records of a file's lines; the last of an id stands. */
function readInto(records, addon, path) {
  addon.openRecords(path);
  for (let text = addon.piece(PIECE_BYTES); text !== ""; text = addon.piece(PIECE_BYTES))
    for (const record of JSON.parse(text)) records.set(record.created, record);
}

/** In a process that has loaded no addon: the first time counts. */
async function openAndRead({ folder }) {
  const { ms, value } = await timed(() => {
    const addon = loadFloors();
    addon.lockFolder(folder);
    const { snapshot, log } = filesOf(folder);
    const records = new Map();
    for (const path of [snapshot, log]) readInto(records, addon, path);
    addon.unlockFolder(folder);
    return [...records];
  });
  if (value.length === 0) throw new Error("nothing was read");
  return { entriesColdMs: ms };
}

const loaded = async () => ({ entriesColdMs: (await timed(loadFloors)).ms });

export default groupOf(workload, {
  variants: { "1000, log": {}, "1000, both": {} },
  figures: ["entriesColdMs"],
  stores: ["ours", "original"],
  floors: {
    "loads a minimal addon": loaded,
    "and a lock, the manifest, JSON.parse() of the lines in lists: the floor": openAndRead,
  },
});
