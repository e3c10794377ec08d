/**
 * Random histories of a store (sets, deletes, batches, undos, archives, reverts, migrations, checkpoints, prunes, kept operations, lines of another process,
 * reopenings, one writer and agents by turns), each asked by at() for many of its earlier states, which a Map has kept.
 *
 *   node campaigns/histories.mjs [--histories 20000] [--seed 1] [--steps 30] [--carrier folder|backend|bucket]
 */
import { parseArgs } from "node:util";
import { History } from "./histories/history.mjs";
import { runSeeds } from "./seeds.mjs";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "30" },
    carrier: { type: "string", default: "folder" },
  },
});
const [histories, first, steps] = ["histories", "seed", "steps"].map((name) => Number(values[name]));
const total = { histories: 0, steps: 0, looks: 0, gone: 0, migrations: 0, agents: 0, pruned: 0, foreign: 0 };
await runSeeds({
  first,
  count: histories,
  total,
  async run(seed) {
    return { histories: 1, ...(await new History(seed, values.carrier).run(steps)) };
  },
});
