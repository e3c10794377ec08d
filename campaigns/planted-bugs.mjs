// Proves that the tests see bugs: plants one after the other and lets a harness loose on each: the crash explorer, for
// ten seeds, the simulated world of the protocols, or the tests of the store or of locks. Each must be caught, and the store as it is must pass.
// `node campaigns/planted-bugs.mjs [name...]`

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fail, requireCargo, requireNode, root } from "../scripts/setup.mjs";

const SEEDS = 10;
const WORLDS = 20_000;
const TESTS = ["explorer", "store_behaviour", "lock", "world"];
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");

/** What each bug does, and which tests are to see it: the explorer's, if nothing else is said. */
const bugs = {
  "snapshot-unsynced": "the snapshot gets its name before its content is durable",
  "snapshot-name-unsynced": "the folder of the snapshot is not synced",
  "manifest-unsynced": "the manifest gets its name before its content is durable",
  "manifest-name-unsynced": "the folder of the manifest is not synced",
  "found-manifest-unsynced": "a manifest that a killed process left is not made durable",
  "folders-unsynced": "the store's own folders are not made durable",
  "superseded-before-manifest": "the superseded snapshot is deleted before the manifest has its name",
  "torn-tail-kept": "a torn last line is not cut before the next append",
  "unfinished-batch-kept": "a batch that a crash cut is applied in part",
  "failed-append-not-cut": "a failed append is not cut back",
  "short-write-is-whole": "a write that wrote half of its bytes is taken for whole",
  "memory-before-append": "memory changes before the append, and stays so when that fails",
  "late-operations-not-mirrored": "operations during a checkpoint go to the old log only",
  "late-operations-not-carried": "operations before the next log is there do not get into it",
  "undo-keeps-marker": "undo in a batch leaves an unfinished batch",
  "undo-in-batch-unsynced": "undo in a batch cuts before the batch's new end is durable",
  "undo-marks-memory-late": "undo in a batch marks the batch's new end in memory only after it was synced",
  "undo-in-one-log": "undo during a checkpoint cuts the old log only",
  "acknowledged-unsynced": "writers are told of a sync that was not made",
  "next-log-unsynced": "during publication only the old log is synced for them",
  "failed-sync-not-noted": "it is not noted that a sync of a log has failed",
  "doubtful-log-kept": "the next writer builds on a log of which a sync has failed",
  "generation-unchecked": "an agent appends without a look whether the manifest has changed",
  "others-late-operations-dropped": "a compaction drops what other agents wrote meanwhile",
  "sealed-logs-unsynced": {
    test: "store_behaviour",
    what: "what a dead agent left in a sealed log is not synced with what comes behind it",
  },
  "log-versions-forgotten": {
    test: "store_behaviour",
    what: "what is logged during a migration counts as migrated",
  },
  "newer-version-unnoticed": {
    test: "store_behaviour",
    what: "an agent of a lower version goes on writing after a migration",
  },
  "missing-manifest-is-fresh": {
    test: "store_behaviour",
    what: "a folder with data but no manifest is begun anew",
  },
  "temporary-not-exclusive": {
    test: "store_behaviour",
    what: "a temporary file that is there is written to",
  },
  "index-page-unchecked": {
    test: "store_behaviour",
    what: "pages of an index file are believed without checksum",
  },
  "index-of-another-file": {
    test: "store_behaviour",
    what: "an index file is believed to be of the file beside it",
  },
  "index-of-older-snapshot": { test: "store_behaviour", what: "the index of a log outlives its snapshot" },
  "world-publish-without-seal": {
    test: "world",
    what: "a compaction publishes without having sealed the logs",
  },
  "world-overtaken-publishes": { test: "world", what: "a compaction publishes although another was faster" },
  "world-version-not-compared": {
    test: "world",
    what: "a manifest is published whatever its version is by now",
  },
  "world-manifest-error-swallowed": {
    test: "world",
    what: "a publication that failed is taken for one without effect",
  },
  "world-ancestors-unread": {
    test: "world",
    what: "a publication that another has followed is taken for one without effect",
  },
  "world-late-manifest-ignored": {
    test: "world",
    what: "nothing keeps a late publication from taking effect",
  },
  "world-no-look-after-append": { test: "world", what: "an append counts without a look at the manifest" },
  "world-no-reread-after-append": { test: "world", what: "an append that failed is not read back" },
  "world-late-append-ignored": { test: "world", what: "nothing keeps a late append from showing" },
  "world-no-reread-after-cut": { test: "world", what: "an undo that failed is not read back" },
  "world-no-look-after-cut": { test: "world", what: "an undo counts without a look at the manifest" },
  "world-session-not-compared": { test: "world", what: "a store goes on whose place another has taken" },
  "world-lock-is-proof": { test: "world", what: "a lock object that can run out is taken for proof" },
  "world-no-fence": {
    test: "world",
    what: "a single writer that takes over leaves the old log in its place",
  },
  "world-left-log-first": {
    test: "world",
    what: "a log that was left when its agentId was taken over goes before all others",
  },
  "world-short-log-believed": { test: "world", what: "a log with fewer operations than it had is believed" },
  "world-undo-counts-elsewhere": {
    test: "world",
    what: "an undo in a sealed log says what counts in the next one",
  },
  "world-clock-not-raised": { test: "world", what: "an operation is appended again below what was sealed" },
  "world-copies-kept": { test: "world", what: "an operation that was appended again is applied twice" },
  "world-copies-told": { test: "world", what: "an operation that was appended again is told again" },
  "world-order-unchecked": {
    test: "world",
    what: "new operations are applied behind those that follow them",
  },
  "world-early-forgotten": {
    test: "world",
    what: "an operation that was told before its log was sealed without it is told again",
  },
  "world-log-not-closed": { test: "world", what: "a writer that takes over does not close the log before" },
  "world-left-log-not-closed": {
    test: "world",
    what: "a log that an agent left is read without being closed",
  },
  "world-token-after-reading": {
    test: "world",
    what: "a follower asks for the token of changes after it has read",
  },
  "tree-page-unchecked": { test: "store_behaviour", what: "a damaged page of an index is believed" },
  "tree-of-another-snapshot": {
    test: "store_behaviour",
    what: "an index is taken for that of another snapshot",
  },
  "world-archive-unchecked": { test: "world", what: "an archive takes records that have changed meanwhile" },
  "lock-without-inode-check": {
    test: "lock",
    what: "a lock file is not compared with its path once it is locked",
  },
};

/** Names of the planted bugs in the sources. */
function planted(folder) {
  const names = new Set();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.name.endsWith(".rs")) continue;
    const text = readFileSync(path.join(entry.parentPath ?? entry.path, entry.name), "utf8");
    for (const [, name] of text.matchAll(/\bplanted!\("([^"]+)"\)/g)) names.add(name);
  }
  return names;
}

/**
 * What makes rustc build with planted bugs; which of them is there, the environment says when the tests run. A wrapper
 * around rustc changes this crate only, so that the others are not built again.
 */
function environment() {
  if (process.platform === "win32") return { RUSTFLAGS: "--cfg planted" };
  const wrapper = path.join(target, "rustc-planted.sh");
  writeFileSync(wrapper, '#!/bin/sh\nrustc="$1"\nshift\nexec "$rustc" "$@" --cfg planted\n');
  chmodSync(wrapper, 0o755);
  return { RUSTC_WORKSPACE_WRAPPER: wrapper };
}

function cargo(args, chosen = {}) {
  const env = {
    ...process.env,
    ...environment(),
    ...chosen,
    RUST_BACKTRACE: "0",
    OPSLOG_EXPLORER_SEEDS: String(SEEDS),
    OPSLOG_WORLD_SEEDS: String(WORLDS),
  };
  for (const name of ["STATES", "REPLAY", "AGENTS_REPLAY"]) delete env[`OPSLOG_EXPLORER_${name}`];
  const tests = TESTS.flatMap((test) => ["--test", test]);
  const selected = args.test ? ["--test", args.test, "--", "--nocapture"] : [...tests, "--no-run"];
  return spawnSync("cargo", ["test", ...selected], { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 28 });
}

/** Lets some tests loose on a bug. Says where it was caught, or `null` if it was not. */
function explore(name, test) {
  const started = performance.now();
  const { status, stdout, stderr } = cargo({ test }, name === null ? {} : { PLANTED_BUG: name });
  const seconds = (performance.now() - started) / 1000;
  if (status === 0) return { caught: null, seconds };
  const output = stdout + stderr;
  const [, agents, seed] = /OPSLOG_EXPLORER_(AGENTS_)?REPLAY=([\d/]+)/.exec(output) ?? [];
  const [, world] = /OPSLOG_WORLD_REPLAY=(\d+)/.exec(output) ?? [];
  if (world) return { caught: `world ${world}`, seconds };
  if (seed) return { caught: `${agents ? "agents, " : ""}seed ${seed}`, seconds };
  const failed = /^(?:test | {4})([\w:]+)(?: \.\.\. FAILED)?$/m.exec(
    output.slice(output.indexOf("\nfailures:")),
  )?.[1];
  if (failed === undefined) fail(`${name ?? "the store"}: no verdict:\n${output}`);
  return { caught: failed, seconds };
}

function print(name, verdict, seconds, what) {
  console.log(
    `${name.padEnd(30)} ${seconds.toFixed(1).padStart(5)} s   ${what}\n${" ".repeat(41)}${verdict}`,
  );
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
const built = cargo({});
if (built.status !== 0) fail(`The store does not build with planted bugs:\n${built.stderr}`);
let missed = 0;
for (const test of TESTS) {
  const { caught, seconds } = explore(null, test);
  print("(none)", caught === null ? `passes ${test}` : `FAILS at ${caught}`, seconds, "the store as it is");
  if (caught !== null) missed += 1;
}
for (const name of chosen) {
  const { test = "explorer", what = bugs[name] } = bugs[name];
  const { caught, seconds } = explore(name, test);
  print(name, caught === null ? "NOT CAUGHT" : `caught by ${test}: ${caught}`, seconds, what);
  if (caught === null) missed += 1;
}
console.log(missed === 0 ? `All ${chosen.length} planted bugs were caught.` : `${missed} of them failed.`);
process.exitCode = missed === 0 ? 0 : 1;
