// Runs Rust tests under valgrind: no access to memory that is not theirs, and nothing lost at the end.
// `node campaigns/memcheck.mjs [test...]`; without names: the unit tests and those of the store on a simulated disk.

import { spawnSync } from "node:child_process";
import { fail, requireCargo, requireNode, root, run } from "../scripts/setup.mjs";

const LEAKS = ["--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"];
const VALGRIND = ["--quiet", ...LEAKS, "--error-exitcode=9"];

requireNode();
requireCargo();
if (spawnSync("valgrind", ["--version"]).status !== 0) fail("valgrind is not installed.");
const names = process.argv.length > 2 ? process.argv.slice(2) : ["lib", "store_behaviour"];
const selected = names.flatMap((name) => (name === "lib" ? ["--lib"] : ["--test", name]));
const built = spawnSync("cargo", ["test", "--no-run", "--message-format=json", ...selected], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 1 << 28,
  stdio: ["ignore", "pipe", "inherit"],
});
if (built.status !== 0) fail("The tests do not build.");
const messages = built.stdout.split("\n").filter((line) => line.startsWith("{"));
const programs = messages
  .map((line) => JSON.parse(line))
  .filter(({ profile, executable }) => profile?.test && executable);
let failed = 0;
for (const { executable, target } of programs) {
  console.log(`\n${target.name}`);
  if (!run("valgrind", [...VALGRIND, executable, "--test-threads=1"])) failed += 1;
}
console.log(failed === 0 ? "valgrind found nothing." : `${failed} of ${programs.length} failed.`);
process.exitCode = failed === 0 ? 0 : 1;
