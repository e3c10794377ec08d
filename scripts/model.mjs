/**
 * The long run of the model test: random commands on 0.8.1 and on ours, compared all along.
 *
 *   node scripts/model.mjs --sequences 20000 --seed 7
 *     --commands N    steps per sequence (40)
 *     --path P        replay one failure, as the failure printed it
 *     --subject S     ours, ideal or reference (ours)
 *     --wide          generate what 0.8.1 can't do, and compare with the ideal store
 */
import { parseArgs } from "node:util";
import { runModel } from "../__test__/model/run.mjs";

const { values } = parseArgs({
  options: {
    sequences: { type: "string", default: "20000" },
    commands: { type: "string", default: "40" },
    seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
    path: { type: "string" },
    subject: { type: "string", default: "ours" },
    wide: { type: "boolean", default: false },
  },
});

const result = await runModel({
  sequences: Number(values.sequences),
  length: Number(values.commands),
  seed: Number(values.seed),
  path: values.path,
  subject: values.subject,
  wide: values.wide,
});

const { matrix, allowed, seconds, runs, failure } = result;
console.log(matrix.toString());
const missing = matrix.missing();
console.log(`${runs} sequences of ${values.commands} commands, ${matrix.total} transitions, seed ${result.seed}`);
console.log(`${seconds.toFixed(1)} s; rarest pair ${matrix.rarest()} times; pairs missing: ${missing.length}`);
for (const [name, times] of allowed) console.log(`allowed difference, ${times} times: ${name}`);
if (failure) console.log(`\nDIFFERENT\n${failure}`);
else console.log("no difference that is not listed");
// A replay or a short run can't have every pair.
const incomplete = Number(values.sequences) >= 2000 && missing.length > 0;
if (incomplete) console.log(`never generated:\n  ${missing.join("\n  ")}`);
process.exitCode = failure || incomplete ? 1 : 0;
