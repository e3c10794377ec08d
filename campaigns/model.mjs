/**
 * The long run of the model test: random commands on 0.8.1 and on ours, compared all along.
 *
 *   node campaigns/model.mjs --sequences 20000 --seed 7
 *     --commands N    steps per sequence (40)
 *     --path P        run one failure again, as the failure printed it
 *     --subject S     ours, ideal or reference (ours)
 *     --wide          generate what 0.8.1 can't do, and compare with the ideal store
 *     --hands         lives of a folder that changes hands, compared with what was acknowledged
 */
import { parseArgs } from "node:util";
import { runHands } from "../__test__/model/hands/run.mjs";
import { runModel } from "../__test__/model/run.mjs";
import { gapsOf, summaryOf } from "../__test__/model/summary.mjs";

const { values } = parseArgs({
  options: {
    sequences: { type: "string", default: "20000" },
    commands: { type: "string", default: "40" },
    seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
    path: { type: "string" },
    subject: { type: "string", default: "ours" },
    wide: { type: "boolean", default: false },
    hands: { type: "boolean", default: false },
  },
});

const { path, subject, wide } = values;
if (values.hands) await runLivesOfFolders();
else await runSequences();

async function runLivesOfFolders() {
  const [lives, length, seed] = [values.sequences, values.commands, values.seed].map(Number);
  const { failure, counts, missing, lives: lived } = await runHands({ lives, length, seed, path });
  for (const [what, times] of counts) console.log(`${String(times).padStart(8)} ${what}`);
  console.log(failure === null ? `${lived} lives, no difference, seed ${seed}` : `\nDIFFERENT\n${failure}`);
  if (missing.length > 0) console.log(`never happened:\n  ${missing.join("\n  ")}`);
  process.exitCode = failure !== null || missing.length > 0 ? 1 : 0;
}

async function runSequences() {
  const result = await runModel({
    sequences: Number(values.sequences),
    length: Number(values.commands),
    seed: Number(values.seed),
    path,
    subject,
    wide,
  });
  if (!path) console.log(summaryOf(result));
  if (result.failure) console.log(`\nDIFFERENT\n${result.failure}`);
  else console.log("no difference that is not listed");
  const gaps = result.failure ? [] : gapsOf(result, { wide });
  if (gaps.length > 0) console.log(`never happened:\n  ${gaps.join("\n  ")}`);
  process.exitCode = result.failure || gaps.length > 0 ? 1 : 0;
}
