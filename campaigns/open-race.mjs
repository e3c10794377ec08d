// Eight processes open one folder at once, round after round.
//
//   node campaigns/open-race.mjs --rounds 2000 [--seed N] [--only text] [--store original]

import { parseArgs } from "node:util";
import { failures, Race } from "./race/run.mjs";
import { kinds } from "./race/rounds.mjs";
import { originalUrl } from "../__test__/helpers/original.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "2000" },
    seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
    only: { type: "string", default: "" },
    store: { type: "string", default: "ours" },
  },
});
const rounds = Number(values.rounds);
const others = { ours: undefined, original: { ours: originalUrl } };
const race = new Race({
  seed: Number(values.seed),
  modules: values.store in others ? others[values.store] : { ours: values.store },
});
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
const results = await race.run(rounds, {
  chosen: kinds.filter(({ title }) => title.includes(values.only)),
  onRound: (done) => {
    if (done % 200 === 0) console.log(`${done} rounds, ${seconds()} s`);
  },
});
for (const [title, result] of Object.entries(results)) {
  const { rounds: count, winners, problems, byOriginal, failuresOfOriginal, refusedInPassing } = result;
  const won = Object.entries(winners).map(([number, times]) => `${number} winner(s) ${times} x`);
  console.log(`${String(count).padStart(5)}  ${title}: ${won.join(", ")}`);
  if (byOriginal > 0) console.log(`         ${byOriginal} x a 0.8.1 took the lock from under its holder`);
  if (failuresOfOriginal > 0)
    console.log(`         ${failuresOfOriginal} x a 0.8.1 that raced another one failed to open`);
  if (refusedInPassing > 0)
    console.log(`         ${refusedInPassing} x an agent met a single writer in passing`);
  for (const [what, times] of Object.entries(problems)) console.log(`  WRONG  ${times} x ${what}`);
}
console.log(`${rounds} rounds in ${seconds()} s, seed ${values.seed}`);
process.exitCode = values.store !== "original" && failures(results).length > 0 ? 1 : 0;
