/**
 * Kills writers and a consumer of changes({ live: true }) again and again, and compares what the consumer has in the end with
 * what is in the store: each operation once.
 *
 *   node campaigns/soak-feed.mjs [--kills 200] [--agents 0] [--life 400] [--seed 1]
 */
import { parseArgs } from "node:util";
import { FeedSoak, hasFailed } from "./soak-feed/run.mjs";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    agents: { type: "string", default: "0" },
    life: { type: "string", default: "400" },
    seed: { type: "string", default: "1" },
  },
});
const [kills, agents, lifeMs, seed] = ["kills", "agents", "life", "seed"].map((name) => Number(values[name]));
const tally = await new FeedSoak({ kills, agents, lifeMs, seed }).run();
console.log(JSON.stringify(tally, null, 2));
if (hasFailed(tally)) process.exitCode = 1;
