import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { median } from "../../figures.mjs";
import { timed } from "../../measure.mjs";
import { makeId } from "../../record.mjs";
import { loadStore } from "../../stores/index.mjs";
import workload from "../../workloads/w09-open.mjs";
import { loadFloors } from "../addon.mjs";
import { filesOf, groupOf } from "../group.mjs";

/** The lock, the manifest, and the first record of a page: nothing is looked for that a crash may have left. */
async function openAndGet({ folder, variant }) {
  const addon = loadFloors();
  const open = (place) => {
    const manifest = JSON.parse(addon.lockFolder(place));
    const path = (name) => join(place, name);
    const index = `${manifest.currentSnapshot.replace("snapshots/", "index/")}.idx`;
    const files = [manifest.currentSnapshot, index, manifest.activeOps].map(path);
    const text = addon.recordAt(...files, makeId(variant.records >> 1));
    return text && JSON.parse(text);
  };
  const other = join(folder, "..", "warm");
  mkdirSync(other);
  const names = { currentSnapshot: "snapshots/one", activeOps: "ops/one" };
  writeFileSync(join(other, "manifest.json"), JSON.stringify(names));
  open(other);
  addon.unlockFolder(other);
  const { ms, value } = await timed(() => open(folder));
  addon.unlockFolder(folder);
  if (typeof value?.title !== "string") throw new Error("no record was read");
  return { openAndGetMs: ms };
}

const TIMES = 20;

/** The same as the workload, of code that ran before. */
async function openedOften({ folder, variant }) {
  const store = await loadStore("ours");
  const times = [];
  for (let n = 0; n < TIMES; n += 1) {
    const { ms, value } = await timed(async () => {
      const handle = await store.open(folder);
      handle.get(makeId(variant.records >> 1));
      return handle;
    });
    await value.close();
    times.push(ms);
  }
  return { openAndGetMs: median(times.slice(TIMES / 2)) };
}

const readLog =
  (steps) =>
  async ({ folder }) => {
    const addon = loadFloors();
    const { log } = filesOf(folder);
    return { openAndGetMs: (await timed(() => addon.readLog(log, steps))).ms };
  };

const opening = {
  "this package, the eleventh to the twentieth time in its process": openedOften,
  "a lock, the manifest, three files, six pages, a record: the floor": openAndGet,
};
const reading = {
  "reads the log": readLog(0),
  "and splits it into lines": readLog(1),
  "and keeps each id and its place in a table": readLog(2),
  "and checks that each line is JSON: the floor": readLog(3),
};

export default groupOf(workload, {
  variants: {
    "1 M": { stores: ["ours", "better-sqlite3", "lmdb"], floors: Object.keys(opening) },
    "100 k in the log, no index yet": { stores: ["ours", "original"], floors: Object.keys(reading) },
  },
  figures: ["openAndGetMs"],
  floors: { ...opening, ...reading },
});
