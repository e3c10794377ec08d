// Fuzzes what reads bytes that others wrote, and whole stores over a disk that fails: each target of `fuzz/` for some
// time, one after the other, with libFuzzer under AddressSanitizer. What it finds stays in `fuzz/artifacts`; what it
// learned, in `fuzz/corpus`. Needs Linux, Rust and a C++ compiler; cargo-fuzz is installed if it is not there.
// `node campaigns/fuzz.mjs [--seconds N] [--only target,...]`

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { fail, requireCargo, requireNode, root } from "../scripts/setup.mjs";

const folder = path.join(root, "fuzz");
// No input is longer than a few KiB: whatever needs more memory than this does not go by the input's length.
const LIMITS = ["-max_len=8192", "-rss_limit_mb=2048", "-malloc_limit_mb=256", "-timeout=30"];
// Coverage and sanitizers are switched on by options that the stable compiler else refuses.
const env = { ...process.env, RUSTC_BOOTSTRAP: "1" };

const { values } = parseArgs({ options: { seconds: { type: "string" }, only: { type: "string" } } });
const seconds = Number(values.seconds ?? 60);
if (!Number.isInteger(seconds) || seconds < 1) fail("--seconds must be a whole number above 0.");

requireNode();
requireCargo();
if (process.platform !== "linux") fail("The targets are built and run on Linux only.");
if (spawnSync(process.env.CXX ?? "c++", ["--version"]).status !== 0) {
  fail("libFuzzer is written in C++: install a compiler for it, as `c++` or as what $CXX names.");
}
if (spawnSync("cargo", ["fuzz", "--version"], { env }).status !== 0) {
  console.log("Installing cargo-fuzz ...");
  const installed = spawnSync("cargo", ["install", "--locked", "cargo-fuzz"], { env, stdio: "inherit" });
  if (installed.status !== 0) fail("`cargo install --locked cargo-fuzz` failed.");
}
const all = readdirSync(path.join(folder, "fuzz_targets")).map((name) => path.basename(name, ".rs"));
const chosen = values.only?.split(",") ?? all;
const unknown = chosen.filter((name) => !all.includes(name));
if (unknown.length > 0) fail(`Unknown targets ${unknown.join(", ")}; there are ${all.join(", ")}.`);
const built = spawnSync("cargo", ["fuzz", "build", "--fuzz-dir", folder], {
  cwd: root,
  env,
  stdio: "inherit",
});
if (built.status !== 0) fail("The targets do not build.");

const triple = /^host: (\S+)/m.exec(spawnSync("rustc", ["-vV"], { encoding: "utf8" }).stdout)[1];
const programs = path.join(process.env.CARGO_TARGET_DIR ?? path.join(folder, "target"), triple, "release");

/** Runs one target. Resolves to what libFuzzer says at the end. */
function run(target) {
  const corpus = path.join(folder, "corpus", target);
  const seeds = path.join(folder, "seeds", target);
  mkdirSync(corpus, { recursive: true });
  const folders = existsSync(seeds) ? [corpus, seeds] : [corpus];
  const options = [...LIMITS, `-max_total_time=${seconds}`, `-dict=${path.join(folder, "json.dict")}`];
  const artifacts = path.join(folder, "artifacts", `${target}-`);
  return new Promise((resolve) => {
    const args = [...folders, ...options, `-artifact_prefix=${artifacts}`];
    const child = spawn(path.join(programs, target), args, { stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    child.stderr.setEncoding("latin1").on("data", (text) => {
      output = (output + text).slice(-200_000);
    });
    child.on("close", (code) => resolve({ code, output }));
  });
}

mkdirSync(path.join(folder, "artifacts"), { recursive: true });
let found = 0;
for (const target of chosen) {
  const { code, output } = await run(target);
  const [, runs, took] = /Done (\d+) runs in (\d+) second/.exec(output) ?? [];
  if (code !== 0 || runs === undefined) {
    found += 1;
    const told = output.match(/panicked at[^]{0,1500}|ERROR: [^]{0,1500}/)?.[0] ?? output.slice(-1500);
    const input = /Test unit written to (\S+)/.exec(output)?.[1] ?? "no input was kept";
    console.log(`${target.padEnd(17)} FOUND: ${input}\n${told}`);
    continue;
  }
  const [, coverage, features] = [...output.matchAll(/cov: (\d+) ft: (\d+)/g)].at(-1);
  const [, size] = [...output.matchAll(/corp: (\d+)/g)].at(-1);
  const [, memory] = [...output.matchAll(/rss: (\d+)Mb/g)].at(-1);
  const rate = Math.round(Number(runs) / Math.max(1, Number(took)));
  console.log(
    `${target.padEnd(17)} ${took.padStart(5)} s ${runs.padStart(10)} runs ${String(rate).padStart(7)}/s   ` +
      `${coverage} edges, ${features} features, ${size} inputs, ${memory} MB`,
  );
}
console.log(found === 0 ? `${chosen.length} targets, nothing found.` : `${found} targets found something.`);
process.exitCode = found === 0 ? 0 : 1;
