import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addonFile } from "../addon.mjs";
import workload, { runProgram } from "../../workloads/w15-whole-process.mjs";
import { groupOf } from "../group.mjs";

const TIMES = 7;
const program = (name) => fileURLToPath(new URL(`../../programs/${name}`, import.meta.url));

/** With Node's own cache of compiled code, which the program's user may switch on. */
const cached = ({ folder }) => {
  process.env.NODE_COMPILE_CACHE = join(folder, "..", "compiled");
  return runs("loaded.mjs", "package")();
};

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
    "the same from Node's compile cache (`NODE_COMPILE_CACHE`)": cached,
    "this package's JavaScript and its binary": runs("loaded.mjs", "package", "binary"),
    "an empty program and a minimal addon that locks, writes a line, unlocks: the floor": ({ folder }) =>
      runProgram(program("minimal.mjs"), [addonFile, folder], TIMES),
  },
});
