import { median } from "../../figures.mjs";
import workload from "../../workloads/w27b-small-stores.mjs";
import { loadFloors } from "../addon.mjs";
import { filesOf, groupOf } from "../group.mjs";

const PIECE_BYTES = 64 * 1024;
const WARM = 7;

/** The records of a file's lines; the last of a record stands. */
function readInto(records, addon, path) {
  addon.openRecords(path);
  for (let text = addon.piece(PIECE_BYTES); text !== ""; text = addon.piece(PIECE_BYTES))
    for (const record of JSON.parse(text)) records.set(record.created, record);
}

const readings = {
  entries: (records) => [...records],
  filter: (records) => [...records.values()].filter((record) => record.priority >= 0),
  get: (records) => [...records.keys()].filter((key) => records.get(key) !== undefined),
};

/** A lock, the manifest, the lines of both files in lists; then what each reading takes more. */
function session(folder) {
  const began = performance.now();
  const addon = loadFloors();
  addon.lockFolder(folder);
  const { snapshot, log } = filesOf(folder);
  const records = new Map();
  for (const path of [snapshot, log]) readInto(records, addon, path);
  const openMs = performance.now() - began;
  const ms = {};
  for (const [name, read] of Object.entries(readings)) {
    const started = performance.now();
    if (read(records).length === 0) throw new Error("nothing was read");
    ms[name] = openMs + performance.now() - started;
  }
  addon.unlockFolder(folder);
  return ms;
}

/** In a process that has loaded no addon: the first time is the cold one. */
async function openAndRead({ folder }) {
  const cold = session(folder);
  const warm = Array.from({ length: WARM }, () => session(folder));
  const figures = Object.keys(readings).map((name) => [
    [`${name}ColdMs`, cold[name]],
    [`${name}WarmMs`, median(warm.map((ms) => ms[name]))],
  ]);
  return Object.fromEntries(figures.flat());
}

const alone = workload.variants.filter(({ kind }) => kind !== "halves");

export default groupOf(workload, {
  variants: Object.fromEntries(alone.map(({ name }) => [name, {}])),
  figures: Object.keys(workload.figures),
  stores: ["ours", "original"],
  floors: {
    "a minimal addon, a lock, the manifest, JSON.parse() of the lines in lists: the floor": openAndRead,
  },
});
