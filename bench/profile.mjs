/**
 * `npm run bench:profile`: where the time of this package goes in each workload, as shares of the samples that Linux's
 * `perf` takes of the measuring process from its start to its end, all threads.
 *
 *   npm run bench:profile -- --only W1,W9      these workloads
 *   npm run bench:profile -- --write           take them over into docs/
 */
import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cargoArguments } from "../scripts/build.mjs";
import {
  fail,
  requireBenchModules,
  requireCargo,
  requireModules,
  requireNode,
  root as project,
} from "../scripts/setup.mjs";
import { Fixtures } from "./fixtures.mjs";
import { runOnce } from "./measurement.mjs";
import { publish } from "./publication.mjs";
import { table } from "./report.mjs";
import { keep } from "./results.mjs";
import { goOnWith } from "./runtime.mjs";
import { loadWorkload, workloadIds } from "./workloads/index.mjs";

const FREQUENCY = 1999;
const SHOWN = 4;

/** Which part of the program a library belongs to. */
const layers = [
  ["kernel", /^\[kernel|^\[unknown|^\[vdso/],
  ["this package, native", /opslog/],
  ["V8 and Node", /^node$|^\[JIT\]|\.map$|^\[anon/],
  ["C library", /^(libc|ld-linux|libm|libpthread|libstdc)/],
];

/** Builds the addon with its symbols, beside the usual one. */
function buildWithSymbols() {
  const folder = join(project, "target", "profile");
  const env = {
    ...process.env,
    CARGO_TARGET_DIR: folder,
    CARGO_PROFILE_RELEASE_STRIP: "none",
    CARGO_PROFILE_RELEASE_DEBUG: "line-tables-only",
  };
  const { status } = spawnSync("cargo", cargoArguments(), {
    cwd: project,
    env,
    stdio: "inherit",
  });
  if (status !== 0) fail("The addon could not be built.");
  // Node takes only what is called so for an addon.
  const addon = join(folder, "opslog.node");
  copyFileSync(join(folder, "release", "libopslog.so"), addon);
  return addon;
}

/** Shares of a recording, by layer, and the largest native functions. */
function evaluate(recording) {
  const args = ["report", "-i", recording, "--no-children", "--stdio", "-g", "none", "--sort", "dso,symbol"];
  const { stdout } = spawnSync("perf", args, { encoding: "utf8", maxBuffer: 1 << 28 });
  const shares = Object.fromEntries(layers.map(([name]) => [name, 0]));
  const functions = [];
  for (const [, percent, library, symbol] of stdout.matchAll(
    /^ +([\d.]+)% +(\S+(?: \S+)*?) +\[.\] (.+?)(?: {2,}.*)?$/gm,
  )) {
    const [layer] = layers.find(([, pattern]) => pattern.test(library)) ?? [];
    if (layer !== undefined) shares[layer] += Number(percent);
    if (layer === "this package, native") functions.push({ name: shorten(symbol), percent: Number(percent) });
  }
  return { shares, functions: functions.slice(0, SHOWN) };
}

/** `opslog::engine::log::Engine::apply` is `Engine::apply`. */
function shorten(symbol) {
  const plain = symbol.replace(/<[^<>]*>/g, "").replace(/<[^<>]*>/g, "");
  return plain.split("::").filter(Boolean).slice(-2).join("::");
}

const { values } = parseArgs({ options: { only: { type: "string" }, write: { type: "boolean" } } });
goOnWith();
requireNode();
requireCargo();
requireModules();
if (spawnSync("perf", ["--version"]).error) fail("`perf` is needed, which Linux has.");
process.env.OPSLOG_NATIVE_PATH = buildWithSymbols();
const ids = values.only?.split(",") ?? workloadIds;
const root = await mkdtemp(join(tmpdir(), "opslog-profile-"));
const profiles = {};
try {
  const fixtures = new Fixtures(join(root, "fixtures"));
  for (const id of ids) {
    const workload = await loadWorkload(id);
    // The largest of a few sizes says most; others differ in kind and have their own rows.
    const variants = workload.variants.filter(({ bytes = 180 }) => bytes === 180);
    for (const variant of variants) {
      console.error(`${id} ${variant.name}`);
      const recording = join(root, "perf.data");
      const under = ["perf", "record", "-q", "-F", String(FREQUENCY), "-o", recording];
      const { failed } = await runOnce({ workload, variant, subject: "ours", root, fixtures, under });
      if (failed) fail(failed);
      profiles[`${id} ${variant.name}`] = evaluate(recording);
    }
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
const percents = (value) => `${Math.round(value)} %`;
const rows = Object.entries(profiles).map(([name, { shares, functions }]) => [
  name,
  ...layers.map(([layer]) => percents(shares[layer])),
  functions.map(({ name: each, percent }) => `\`${each}\` ${percent.toFixed(1)}`).join(", "),
]);
console.log(table(["", ...layers.map(([name]) => name), "largest native functions, %"], rows));
if (values.write) {
  requireBenchModules();
  await keep("profiles", profiles);
  await publish();
}
