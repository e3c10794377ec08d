/**
 * The long run of the comparison with V8: random texts, lines, deltas and manifests, against `JSON.parse`, `JSON.stringify` and the
 * validators of 0.8.1.
 *
 *   npm run v8 -- --cases 1000000 --seed 7     (so many cases for each topic)
 */
import { parseArgs } from "node:util";
import { fail, requireCargo, requireModules, requireNode, run } from "../scripts/setup.mjs";

const options = { cases: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } };
const { cases, seed } = parseArgs({ options }).values;
for (const [name, value] of Object.entries({ cases, seed })) {
  if (!/^[1-9]\d*$/.test(value)) fail(`--${name} must be a whole number above 0.`);
}
requireNode();
requireCargo();
requireModules();
const env = { ...process.env, OPSLOG_V8_CASES: cases, OPSLOG_V8_SEED: seed };
// One topic at a time: all cases of a topic are in memory.
const args = ["--nocapture", "--test-threads=1"];
const isSame = run("cargo", ["test", "--test", "v8_differential", "--", ...args], { env });
process.exitCode = isSame ? 0 : 1;
