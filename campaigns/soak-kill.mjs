// Writers that are killed at random moments, thousands of times, and what of their acknowledged operations is lost.
//
//   npm run soak:kill [-- --kills 10000 --acknowledged 5000000] [--lanes 2] [--work-ms 16] [--lives 60]
//     [--seed N]
//     [--keep FOLDER]  (for folders in which something is wrong)
//     [--module URL]   (another module with such a Store, in the place of ours)

import { parseArgs } from "node:util";
import { defaults, hasFailed, KillSoak } from "./soak-kill/run.mjs";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: String(defaults.kills) },
    acknowledged: { type: "string", default: String(defaults.acknowledged) },
    lanes: { type: "string", default: String(defaults.lanes) },
    "work-ms": { type: "string", default: String(defaults.workMs) },
    lives: { type: "string", default: String(defaults.lives) },
    seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
    keep: { type: "string" },
    module: { type: "string", default: defaults.module },
  },
});
const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s`;
const soak = new KillSoak({
  module: values.module,
  kills: Number(values.kills),
  acknowledged: Number(values.acknowledged),
  lanes: Number(values.lanes),
  workMs: Number(values["work-ms"]),
  lives: Number(values.lives),
  seed: Number(values.seed),
  keep: values.keep ?? null,
});
const tally = await soak.run(({ kills, folders, acknowledged, lost }) => {
  if (folders % 10 === 0) {
    console.log(
      `${seconds()}  ${folders} folders, ${kills} kills, ${acknowledged} acknowledged, ${lost} lost`,
    );
  }
});
const rows = [
  ["seed", values.seed],
  ["kills", `${tally.kills}, of these ${tally.killsBeforeFirst} at a random moment after the start`],
  ["folders", `${tally.folders}, of these ${tally.largeFolders} of over a megabyte`],
  ["acknowledged", `${tally.acknowledged} operations`],
  ["under way", `${tally.underWay} when they were killed, of these ${tally.survived} survived`],
  ["torn ends", `${tally.tornEnds} were found and set aside`],
  ["lost", tally.lost],
  ["took", seconds().trim()],
];
for (const [what, { count, first }] of Object.entries(tally.problems)) {
  rows.push(["WRONG", `${count} x ${what}`], ["", first]);
}
console.log(rows.map(([name, text]) => `${name.padEnd(13)} ${text}`).join("\n"));
process.exitCode = hasFailed(tally) ? 1 : 0;
