// Stores on an S3 server behind a proxy that loses, repeats, delays and cuts, for as many seeds as are asked for:
//   node campaigns/s3/faults.mjs --seeds 50 --server moto|radosgw [--agents 4] [--from 1] [--steps 60] [--per-mille 120]
// --agents 0: single writers that replace each other. Prints the counts as JSON; fails at the first seed with something wrong.

import { parseArgs } from "node:util";
import { installClients } from "./clients.mjs";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    from: { type: "string", default: "1" },
    server: { type: "string", default: "moto" },
    agents: { type: "string" },
    steps: { type: "string", default: "60" },
    "per-mille": { type: "string", default: "120" },
  },
});

await installClients();
const { faultyRun } = await import("./faulty-run.mjs");
const { startMoto } = await import("./moto.mjs");
const { startRadosgw } = await import("./radosgw.mjs");
const server = await (values.server === "radosgw" ? startRadosgw() : startMoto());
const total = { seeds: 0, faults: {} };
try {
  for (let seed = Number(values.from); total.seeds < Number(values.seeds); seed++) {
    const agents = values.agents === undefined ? (seed % 2) * 4 : Number(values.agents);
    const options = { seed, agents, steps: Number(values.steps), perMille: Number(values["per-mille"]) };
    const { wrong, faults, seed: _, ...counts } = await faultyRun({ ...server, ...options });
    total.seeds++;
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
    for (const [name, count] of Object.entries(faults))
      total.faults[name] = (total.faults[name] ?? 0) + count;
    console.error(`seed ${seed}, ${agents} agents: ${JSON.stringify(counts)}`);
    if (wrong.length === 0) continue;
    for (const what of wrong.slice(0, 20)) console.error(what);
    process.exitCode = 1;
    break;
  }
} finally {
  console.log(JSON.stringify(total, null, 2));
  await server.stop();
}
