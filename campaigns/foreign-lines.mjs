/**
 * Random lives of agents in whose logs another process appends, as on a file system whose locks do not hold.
 *
 *   node campaigns/foreign-lines.mjs [--lives 2000] [--seed 1] [--steps 40]
 */
import { parseArgs } from "node:util";
import { Store } from "../index.mjs";
import { Life } from "./foreign-lines/life.mjs";
import { runSeeds } from "./seeds.mjs";

const { values } = parseArgs({
  options: {
    lives: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "40" },
  },
});
const [count, first, steps] = ["lives", "seed", "steps"].map((name) => Number(values[name]));
// Parts of lines are skipped, and each is warned of.
console.warn = () => {};
const total = { lives: 0, operations: 0, foreign: 0 };
await runSeeds({
  first,
  count,
  total,
  run: async (seed) => ({ lives: 1, ...(await new Life(Store, seed).run(steps)) }),
});
