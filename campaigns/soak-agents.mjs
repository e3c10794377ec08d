// Agents on one folder that are killed at random, and an oracle that counts what they lose.
//
//   npm run soak:agents -- --agents 8 --minutes 10 [--store ours|original] [--seed N] [--kill-every-ms 2000]
//     [--keys 1000] [--steps-per-second 200] [--json] [--keep]
//     [--module URL]  (another module with such a Store, in the place of ours)

import { parseArgs } from "node:util";
import { hasFailed, line, report, unmetPreconditions } from "./soak/report.mjs";
import { Soak } from "./soak/run.mjs";

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "ours" },
    agents: { type: "string", default: "8" },
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
    "kill-every-ms": { type: "string", default: "2000" },
    keys: { type: "string", default: "1000" },
    "steps-per-second": { type: "string", default: "200" },
    module: { type: "string" },
    json: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});

const soak = new Soak({
  store: values.store,
  module: values.module,
  agents: Number(values.agents),
  seconds: Number(values.minutes) * 60,
  seed: Number(values.seed),
  killEveryMs: Number(values["kill-every-ms"]),
  keys: Number(values.keys),
  stepsPerSecond: Number(values["steps-per-second"]),
});
const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s`;
const summary = await soak.run((soFar) => {
  if (!values.json) console.log(`${seconds()}  ${line(soFar)}`);
});
const unmet = unmetPreconditions(summary);
if (values.json) console.log(JSON.stringify({ ...summary, unmet }, null, 2));
else {
  console.log(`\n${report(summary)}`);
  for (const what of unmet) console.log(`${"NOT MET".padEnd(13)} ${what}`);
}
if (values.keep) console.log(`folder        ${soak.folder}`);
else soak.remove();
process.exitCode = values.store !== "original" && (hasFailed(summary) || unmet.length > 0) ? 1 : 0;
