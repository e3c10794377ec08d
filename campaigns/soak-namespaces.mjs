// Agents and single writers in process namespaces of their own, as in containers, that share one folder and are killed at
// random: what of their acknowledged operations is lost, which call fails, which restart is refused, and what they leave.
//
//   npm run soak:namespaces [-- --minutes 5] [--namespaces 3] [--seed N]
//     [--keep FOLDER]  (for the folder, if something is wrong)
//     [--module URL]   (another module with such a Store, in the place of ours)

import { parseArgs } from "node:util";
import { whyNoContainers } from "../__test__/helpers/containers.mjs";
import { defaults, hasFailed, NamespaceSoak } from "./soak-namespaces/run.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    namespaces: { type: "string", default: String(defaults.namespaces) },
    seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
    keep: { type: "string" },
    module: { type: "string", default: defaults.module },
  },
});
const why = whyNoContainers();
if (why !== null) {
  console.error(`No process can have a namespace of its own here, because ${why}.`);
  process.exit(2);
}
const soak = new NamespaceSoak({
  module: values.module,
  seconds: Number(values.minutes) * 60,
  namespaces: Number(values.namespaces),
  seed: Number(values.seed),
  keep: values.keep ?? null,
});
const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s`;
const tally = await soak.run(({ phases, kills, acknowledged, compactions, problems }) => {
  if (phases % 5 !== 0) return;
  const wrong = Object.values(problems).reduce((sum, { count }) => sum + count, 0);
  console.log(
    `${seconds()}  ${phases} phases, ${kills} kills, ${acknowledged} acknowledged, ${compactions} compactions, ${wrong} wrong`,
  );
});
const rows = [
  ["seed", values.seed],
  ["phases", `${tally.phases}, with agents and with single writers in turn`],
  ["kills", `${tally.kills}, in ${values.namespaces} namespaces at a time`],
  ["acknowledged", `${tally.acknowledged} operations`],
  ["under way", `${tally.underWay} when they were killed`],
  [
    "compactions",
    `${tally.compactions}, of these ${tally.compactionsBusy} given up because another went on for long`,
  ],
  ["kept out", `${tally.keptOut} second writers`],
  ["restarts", `${tally.starts}, with numbers ${[...tally.pids].sort((a, b) => a - b).join(", ")}`],
  ["lost", tally.lost],
  ["took", seconds().trim()],
];
for (const [what, { count, first }] of Object.entries(tally.problems))
  rows.push(["WRONG", `${count} x ${what}`], ["", first]);
console.log(rows.map(([name, text]) => `${name.padEnd(13)} ${text}`).join("\n"));
process.exitCode = hasFailed(tally) ? 1 : 0;
