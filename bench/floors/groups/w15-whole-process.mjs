import { fileURLToPath } from "node:url";
import { addonFile } from "../addon.mjs";
import workload, { runProgram } from "../../workloads/w15-whole-process.mjs";
import { groupOf } from "../group.mjs";

const TIMES = 7;
const program = (name) => fileURLToPath(new URL(`../../programs/${name}`, import.meta.url));

const runs =
  (name, ...args) =>
  () =>
    runProgram(program(name), args, TIMES);

export default groupOf(workload, {
  variants: { "1 M": {} },
  figures: ["processMs"],
  stores: ["ours", "better-sqlite3"],
  floors: {
    "empty program": runs("empty.mjs"),
    "and imports this package's JavaScript": runs("loaded.mjs", "package"),
    "and loads its binary": runs("loaded.mjs", "package", "binary"),
    "an empty program and a minimal addon that locks, writes a line, unlocks: the floor": ({ folder }) =>
      runProgram(program("minimal.mjs"), [addonFile, folder], TIMES),
  },
});
