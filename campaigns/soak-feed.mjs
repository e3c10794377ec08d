/**
 * Kills writers and a consumer of changes({ live: true }) again and again, and compares what the consumer has in the end with
 * what is in the store: each operation once. Each run has a folder of its own; without --agents, single writers and three agents by turns.
 *
 *   node campaigns/soak-feed.mjs [--runs 1] [--kills 200] [--agents 0] [--life 400] [--values 40] [--operations 0] [--seed 1] [--backend]
 *
 * A writer sets up to --values records at once; its checkpoints come as often as with 40. Most lives of writers go on until they have made
 * up to twice as many --operations, however slow the machine is.
 */
import { parseArgs } from "node:util";
import { FeedSoak, hasFailed } from "./soak-feed/run.mjs";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1" },
    kills: { type: "string", default: "200" },
    agents: { type: "string" },
    life: { type: "string", default: "400" },
    values: { type: "string", default: "40" },
    operations: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    backend: { type: "boolean", default: false },
  },
});
const numbers = ["runs", "kills", "life", "values", "operations", "seed"].map((name) => Number(values[name]));
const [runs, kills, lifeMs, together, operations, seed] = numbers;
const total = { runs: 0 };
for (let run = 0; run < runs && !hasFailed(total); run++) {
  const agents = Number(values.agents ?? (run % 2) * 3);
  const work = { lifeMs, together, operations };
  const options = { kills, agents, ...work, seed: seed + run, isBehindBackend: values.backend };
  const { failures, ...counts } = await new FeedSoak(options).run();
  total.runs++;
  for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  if (failures.length > 0) total.failures = failures;
  console.error(`${run + 1} of ${runs}: ${JSON.stringify(total)}`);
}
console.log(JSON.stringify(total, null, 2));
if (hasFailed(total)) process.exitCode = 1;
