/**
 * Random lives of a store beside a Map: sets and deletes in flight, batches, transactions, undos, archives, checkpoints, reopenings and
 * looks of every kind between them, in folders, with agents, in memory and behind backends.
 *
 *   node campaigns/lives.mjs [--lives 1000] [--seed 1] [--steps 40] [--kind "two agents"]
 */
import { parseArgs } from "node:util";
import { kinds } from "./lives/kinds.mjs";
import { Life } from "./lives/life.mjs";
import { runSeeds } from "./seeds.mjs";

const { values } = parseArgs({
  options: {
    lives: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "40" },
    kind: { type: "string" },
  },
});
const [lives, first, steps] = ["lives", "seed", "steps"].map((name) => Number(values[name]));
const names = values.kind === undefined ? Object.keys(kinds) : [values.kind];
const total = { lives: 0, changes: 0, looks: 0, refused: 0, undone: 0 };
await runSeeds({
  first,
  count: lives,
  total,
  async run(seed) {
    return { lives: 1, ...(await new Life(seed, names[seed % names.length]).run(steps)) };
  },
});
