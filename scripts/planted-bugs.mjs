// Proves that the crash explorer sees bugs: builds the store with one planted bug after the other and lets the
// explorer loose on each. It must be caught within ten seeds, and the store as it is must pass.
// `node scripts/planted-bugs.mjs [name...]`

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fail, requireCargo, requireNode, root } from "./setup.mjs";

const SEEDS = 10;
const target = path.join(root, "target", "planted");

const bugs = {
  "snapshot-unsynced": "the snapshot gets its name before its content is durable",
  "snapshot-name-unsynced": "the folder of the snapshot is not synced",
  "manifest-unsynced": "the manifest gets its name before its content is durable",
  "manifest-name-unsynced": "the folder of the manifest is not synced",
  "found-manifest-unsynced": "a manifest that a killed process left is not made durable",
  "folders-unsynced": "the store's own folders are not made durable",
  "torn-tail-kept": "a torn last line is not cut before the next append",
  "unfinished-batch-kept": "a batch that a crash cut is applied in part",
  "failed-append-not-cut": "a failed append is not cut back",
  "rejected-change-in-memory": "memory changes although the append failed",
  "late-operations-not-mirrored": "operations during a checkpoint go to the old log only",
  "late-operations-not-carried": "operations before the next log is there do not get into it",
  "undo-keeps-marker": "undo in a batch leaves an unfinished batch",
  "acknowledged-unsynced": "writers are told of a sync that was not made",
  "next-log-unsynced": "during publication only the old log is synced for them",
  "undo-in-one-log": "undo during a checkpoint cuts the old log only",
};

/** Names of the planted bugs in the sources. */
function planted(folder) {
  const names = new Set();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.name.endsWith(".rs")) continue;
    const text = readFileSync(path.join(entry.parentPath ?? entry.path, entry.name), "utf8");
    for (const [, name] of text.matchAll(/\bplanted = "([^"]+)"/g)) names.add(name);
  }
  return names;
}

/**
 * What makes rustc build with the bug. A wrapper around rustc changes this crate only, so that the others are
 * built once; where there are no shell scripts, all are built anew.
 */
function environment(name) {
  if (name === null) return {};
  if (process.platform === "win32") return { RUSTFLAGS: `--cfg planted="${name}"` };
  const wrapper = path.join(target, `rustc-${name}.sh`);
  writeFileSync(wrapper, `#!/bin/sh\nrustc="$1"\nshift\nexec "$rustc" "$@" --cfg 'planted="${name}"'\n`);
  chmodSync(wrapper, 0o755);
  return { RUSTC_WORKSPACE_WRAPPER: wrapper };
}

function cargo(name, ...args) {
  const env = {
    ...process.env,
    ...environment(name),
    CARGO_TARGET_DIR: target,
    OPSLOG_EXPLORER_SEEDS: String(SEEDS),
    RUST_BACKTRACE: "0",
  };
  delete env.OPSLOG_EXPLORER_STATES;
  delete env.OPSLOG_EXPLORER_REPLAY;
  return spawnSync("cargo", ["test", "--test", "explorer", ...args], { cwd: root, env, encoding: "utf8" });
}

/** Builds and explores. Says where the bug was caught, or `null` if it was not. */
function explore(name) {
  const built = cargo(name, "--no-run");
  if (built.status !== 0) fail(`${name ?? "the store"} does not build:\n${built.stderr}`);
  const started = performance.now();
  const { status, stdout, stderr } = cargo(name, "--", "--nocapture");
  const seconds = (performance.now() - started) / 1000;
  if (status === 0) return { caught: null, seconds };
  const caught = /OPSLOG_EXPLORER_REPLAY=([\d/]+)/.exec(stdout + stderr);
  if (caught === null) fail(`${name ?? "the store"}: no verdict:\n${stdout}\n${stderr}`);
  return { caught: caught[1], seconds };
}

function print(name, verdict, seconds, what) {
  console.log(`${name.padEnd(29)} ${verdict.padEnd(22)} ${seconds.toFixed(1).padStart(5)} s   ${what}`);
}

requireNode();
requireCargo();
const inSources = planted(path.join(root, "src"));
const listed = Object.keys(bugs);
const unknown = [...inSources].filter((name) => !(name in bugs));
const gone = listed.filter((name) => !inSources.has(name));
if (unknown.length + gone.length > 0) {
  fail(
    `Planted bugs and sources differ: not listed: ${unknown.join(", ")}; not planted: ${gone.join(", ")}.`,
  );
}
const chosen = process.argv.length > 2 ? process.argv.slice(2) : listed;
const misspelt = chosen.filter((name) => !(name in bugs));
if (misspelt.length > 0) fail(`Unknown bugs ${misspelt.join(", ")}; there are ${listed.join(", ")}.`);

mkdirSync(target, { recursive: true });
const clean = explore(null);
print(
  "(none)",
  clean.caught === null ? "passes" : `FAILS at ${clean.caught}`,
  clean.seconds,
  "the store as it is",
);
let missed = clean.caught === null ? 0 : 1;
for (const name of chosen) {
  const { caught, seconds } = explore(name);
  print(name, caught === null ? "NOT CAUGHT" : `caught at ${caught}`, seconds, bugs[name]);
  if (caught === null) missed += 1;
}
console.log(missed === 0 ? `All ${chosen.length} planted bugs were caught.` : `${missed} of them failed.`);
process.exitCode = missed === 0 ? 0 : 1;
