import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "../figures.mjs";

const execute = promisify(execFile);
const program = fileURLToPath(new URL("../programs/small-store.mjs", import.meta.url));
const readings = { entries: "entries()", filter: "filter()", get: "get() of each" };
const TIMES = 5;

async function read(reading, { store, folder, variant }) {
  const told = [];
  for (let n = 0; n < TIMES; n += 1) {
    const args = [program, store.name, folder, variant.records, reading];
    told.push(JSON.parse((await execute(process.execPath, args)).stdout));
  }
  const figure = (key) => median(told.map((each) => each[key]));
  return { [`${reading}ColdMs`]: figure("coldMs"), [`${reading}WarmMs`]: figure("warmMs") };
}

async function run(context) {
  const found = {};
  for (const reading of Object.keys(readings)) Object.assign(found, await read(reading, context));
  return found;
}

const titles = { snapshot: "snapshot", log: "log", halves: "both" };
const variants = [100, 1000, 10_000].flatMap((records) =>
  Object.entries(titles).map(([kind, title]) => ({
    name: `${records}, ${title}`,
    kind,
    records,
    bytes: 180,
  })),
);
const figures = Object.fromEntries(
  Object.entries(readings).flatMap(([reading, title]) => [
    [`${reading}ColdMs`, `open and ${title}, cold, ms`],
    [`${reading}WarmMs`, `open and ${title}, warm, ms`],
  ]),
);

export default {
  id: "W27b",
  title: "Small stores",
  text:
    "Opens a store of 100 to 10,000 records, in the snapshot, in the log, or half in each with a tenth of all changed since, and reads all of " +
    "it. Cold: in a process that has not opened one before, the package being loaded. Warm: the median of later times in it.",
  note: "Records are read in pieces of many lines, and one `JSON.parse` makes objects of a piece. 0.8.1 parses each line in `open()`.",
  variants,
  stores: ["ours", "original"],
  fixture: ({ kind, records, bytes }) => ({ kind, records, bytes }),
  figures,
  main: "entriesColdMs",
  run,
  targets: variants.flatMap(({ name: variant }) =>
    Object.keys(figures).map((figure) => ({ variant, figure, times: 1, than: "original" })),
  ),
};
