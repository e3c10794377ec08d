// Explores crashes for a long time: `cargo test` looks at some 50,000 states, this at as many as are asked for, with
// an optimised build. Prints how far it has come, and at the end how often each kind of fault came up.
// `node campaigns/crash-long.mjs [--states N] [--threads N]`

import { parseArgs } from "node:util";
import { fail, requireCargo, requireNode, run } from "../scripts/setup.mjs";

const options = { states: { type: "string" }, threads: { type: "string" } };
const { states = "2000000", threads } = parseArgs({ options }).values;
for (const [name, value] of Object.entries({ states, threads })) {
  if (value !== undefined && !/^[1-9]\d*$/.test(value)) fail(`--${name} must be a whole number above 0.`);
}
requireNode();
requireCargo();
const env = {
  ...process.env,
  OPSLOG_EXPLORER_STATES: states,
  // To link as carefully as for a release would take longer than it saves.
  CARGO_PROFILE_RELEASE_LTO: "off",
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
};
if (threads !== undefined) env.OPSLOG_EXPLORER_THREADS = threads;
delete env.OPSLOG_EXPLORER_SEEDS;
delete env.OPSLOG_EXPLORER_REPLAY;
const started = performance.now();
const sound = run("cargo", ["test", "--release", "--test", "explorer", "--", "--nocapture"], { env });
const minutes = ((performance.now() - started) / 60_000).toFixed(1);
console.log(`${sound ? "Nothing was lost" : "FAILED"}; ${minutes} min with the build.`);
process.exitCode = sound ? 0 : 1;
