// System calls that fail in real processes, one after the other, and what becomes of the stores.
//
//   npm run faults -- --runs 5000 [--seed N] [--store ours|original] [--workload NAME[,NAME...]] [--lanes 2]
//     [--details]      (what is wrong, with how to repeat it)
//     [--module URL]   (another module with such a Store, in the place of ours)
//
// One run of a campaign again, as its details name it:
//
//   npm run faults -- --workload NAME --plan SEED --chosen '[{"name":"EIO lasting","point":36}]' [--times N]

import { parseArgs } from "node:util";
import { Campaign, defaults, hasFailed } from "./faults/campaign.mjs";
import { replay } from "./faults/replay.mjs";
import { whyNot } from "./faults/shim.mjs";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: String(defaults.runs) },
    seed: { type: "string", default: "1" },
    store: { type: "string", default: "ours" },
    workload: { type: "string", default: defaults.chosen.join(",") },
    lanes: { type: "string", default: String(defaults.lanes) },
    details: { type: "boolean", default: false },
    module: { type: "string" },
    plan: { type: "string" },
    chosen: { type: "string", default: "[]" },
    times: { type: "string", default: "1" },
  },
});
const why = whyNot();
if (why !== null) {
  console.error(`No faults can be made here: ${why}.`);
  process.exit(1);
}
if (values.plan !== undefined) {
  const { workload, store, module } = values;
  const run = { workload, seed: Number(values.plan), store, module };
  const results = await replay(run, JSON.parse(values.chosen), Number(values.times));
  for (const { hits, violations } of results) console.log(JSON.stringify({ hits, violations }, null, 2));
  process.exit(results.some(({ violations }) => violations.length > 0) ? 1 : 0);
}
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
const campaign = await new Campaign({
  runs: Number(values.runs),
  seed: Number(values.seed),
  store: values.store,
  module: values.module,
  chosen: values.workload.split(","),
  lanes: Number(values.lanes),
}).run((done) => {
  if (done % 500 === 0) console.log(`${seconds()} s: ${done} runs`);
});

console.log("workload    runs  faults hit  calls  of these hit first  failed runs");
let [runs, hits, failed] = [0, 0, 0];
for (const [workload, result] of Object.entries(campaign.results)) {
  const row = [result.runs, result.hits, result.calls, result.points.size, result.failed];
  const cells = row.map((cell, place) => String(cell).padStart([4, 10, 5, 18, 11][place]));
  console.log(
    `${workload.padEnd(10)}  ${cells.join("  ")}${result.sound ? "" : "  (fails without a fault)"}`,
  );
  runs += result.runs;
  hits += result.hits;
  failed += result.failed;
}
for (const [workload, { violations }] of Object.entries(campaign.results)) {
  for (const [what, { count, first }] of Object.entries(violations)) {
    console.log(`WRONG  ${workload}: ${count} x ${what}`);
    if (values.details) for (const one of first) console.log(`       ${JSON.stringify(one)}`);
  }
}
for (const [fault, kinds] of Object.entries(campaign.hits)) {
  const cells = Object.entries(kinds).map(([kind, count]) => `${kind} ${count}`);
  console.log(`${fault.padEnd(15)} ${cells.join(", ")}`);
}
const codes = Object.entries(campaign.told).sort(([, a], [, b]) => b - a);
console.log(
  `told: ${codes
    .slice(0, 20)
    .map(([code, count]) => `${code} ${count}`)
    .join(", ")}`,
);
console.log(`${runs} runs, ${hits} faults, ${failed} failed runs, seed ${values.seed}, ${seconds()} s`);
process.exitCode = values.store !== "original" && hasFailed(campaign) ? 1 : 0;
