import { closeSync, ftruncateSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeLine } from "../../floors.mjs";
import { repeat } from "../../measure.mjs";
import { makeId, makePool } from "../../record.mjs";
import workload from "../../workloads/w14-undo.mjs";
import { groupOf } from "../group.mjs";

const [LOG, UNDOS] = [10_000, 1000];

/** Undoes the last lines of a log one by one; `makeList` gets its path and returns what is to be called after each. */
const undos =
  (makeList) =>
  async ({ folder, variant }) => {
    const path = join(folder, "log");
    const pool = makePool(variant.bytes);
    const lines = Array.from({ length: LOG }, (_, n) => makeLine(makeId(n), pool[n % pool.length]));
    writeFileSync(path, lines.join(""));
    const fd = openSync(path, "r+");
    let { size } = statSync(path);
    const list = makeList(path);
    const { calls, ms } = await repeat(
      async () => {
        size -= lines.pop().length;
        ftruncateSync(fd, size);
        list();
      },
      { count: UNDOS },
    );
    closeSync(fd);
    return { perSecond: (calls * 1000) / ms };
  };

/** The operations are objects in a list, which is read from the log the first time; a caller gets a copy. */
function operations(path) {
  let held;
  return () => {
    held ??= JSON.parse(`[${readFileSync(path, "latin1").trimEnd().replaceAll("\n", ",")}]`);
    held.length -= 1;
    return held.slice();
  };
}

/** The operations are held as objects from the beginning, as in 0.8.1. */
function heldOperations(path) {
  const list = operations(path);
  list();
  return list;
}

export default groupOf(workload, {
  variants: { "with getOps()": {} },
  figures: ["perSecond"],
  stores: ["ours", "original"],
  floors: {
    "a promise and `ftruncate(2)`": undos(() => () => {}),
    "and a list of objects that are held is copied": undos(heldOperations),
    "and the log is read and parsed at the first call: the floor": undos(operations),
  },
});
