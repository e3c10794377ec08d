/**
 * Random histories of a store (sets, deletes, batches, undos, archives, reverts, migrations, checkpoints, prunes, kept operations, reopenings,
 * one writer and agents by turns), each asked by at() for many of its earlier states, which a Map has kept.
 *
 *   node campaigns/histories.mjs [--histories 20000] [--seed 1] [--steps 30] [--carrier folder|backend|bucket]
 */
import { parseArgs } from "node:util";
import { History } from "./histories/history.mjs";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "30" },
    carrier: { type: "string", default: "folder" },
  },
});
const [histories, first, steps] = ["histories", "seed", "steps"].map((name) => Number(values[name]));
const total = { histories: 0, steps: 0, looks: 0, gone: 0, migrations: 0, agents: 0, pruned: 0 };
for (let seed = first; seed < first + histories; seed++) {
  try {
    const counts = await new History(seed, values.carrier).run(steps);
    total.histories++;
    for (const [name, count] of Object.entries(counts)) total[name] += count;
  } catch (error) {
    console.log(`seed ${seed}: ${error.stack}`);
    process.exitCode = 1;
    break;
  }
}
console.log(JSON.stringify(total));
