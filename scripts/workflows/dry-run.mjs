// Runs the steps of .github/workflows that can run on this machine, each job in a clone of its own, and says of the others why not:
//   npm run ci:dry-run [-- --only ci/guard,release/publish] [--artifacts FOLDER]
// `--artifacts` is a folder that has what an earlier job would have left, such as npm/ of a clone in which `npm run build:platforms` ran.
// Nothing is published: `npm publish` only says what it would do. Exits with 1 if a step fails.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { installNode } from "../package/runtimes.mjs";
import { fail, requireModules, root } from "../setup.mjs";
import { markdown } from "../windows/table.mjs";

const { values } = parseArgs({ options: { only: { type: "string" }, artifacts: { type: "string" } } });
requireModules();
const { readJobs } = await import("./jobs.mjs");

const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const work = mkdtempSync(path.join(tmpdir(), "opslog-dry-run-"));
const clone = path.join(work, "clone");
const temporary = path.join(work, "temporary");
const tools = path.join(work, "tools");
for (const folder of [temporary, tools]) mkdirSync(folder);

/** Programs that stand before the real ones: `sudo`, which root does not need, and an npm that publishes nothing. */
const npm = spawnSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).stdout.trim();
const shims = {
  sudo: 'exec "$@"',
  npm: `if [ "$1" = publish ]; then echo "would publish $(basename "$2")"; test -f "$2"; else exec ${npm} "$@"; fi`,
};
for (const [name, lines] of Object.entries(shims))
  writeFileSync(path.join(tools, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });

const rows = [];
let hasFailed = false;

/** Steps of GitHub's own: what they do here. Returns a word for the table. */
const actions = {
  "actions/checkout"() {
    rmSync(clone, { recursive: true, force: true });
    const { status } = spawnSync("git", ["clone", "--quiet", root, clone], { stdio: "inherit" });
    if (status !== 0) throw new Error("the clone failed");
    return "a clone";
  },
  "actions/setup-node"({ with: given }, job) {
    const program = installNode(path.join(root, ".cache/runtimes"), given["node-version"]);
    job.path = `${path.dirname(program)}${path.delimiter}${job.path}`;
    return `Node ${given["node-version"]}`;
  },
  "actions/upload-artifact"({ with: given }) {
    const listed = spawnSync("bash", ["-c", `compgen -G '${given.path}'`], { cwd: clone, encoding: "utf8" });
    const found = listed.stdout.split("\n").filter(Boolean);
    if (found.length === 0 && given["if-no-files-found"] === "error")
      throw new Error(`nothing is ${given.path}`);
    return `${found.length} files`;
  },
  "actions/download-artifact"({ with: given }) {
    if (values.artifacts === undefined) throw new Missing("needs --artifacts");
    cpSync(values.artifacts, path.join(clone, given.path), { recursive: true });
    return "copied";
  },
};

/** A step needs what is not here. */
class Missing extends Error {}

function runStep(step, job) {
  if (step.uses !== undefined) return actions[step.uses.split("@")[0]](step, job);
  const needsDocker = /^\s*docker /m.test(step.run) && spawnSync("docker", ["info"]).status !== 0;
  if (needsDocker) throw new Missing("needs a daemon of Docker");
  const env = {
    ...process.env,
    ...step.env,
    CI: "true",
    PATH: `${tools}${path.delimiter}${job.path}`,
    RUNNER_TEMP: temporary,
    GITHUB_REF_NAME: `v${version}`,
  };
  // As GitHub runs it.
  const { status, signal } = spawnSync("bash", ["-e", "-c", step.run], { cwd: clone, env, stdio: "inherit" });
  if (status !== 0) throw new Error(`exit ${status ?? signal}`);
  return "ok";
}

/** Why a job cannot run on this machine. */
function obstacle({ system }) {
  if (!/^ubuntu-[\d.]+$/.test(system) || process.platform !== "linux" || process.arch !== "x64")
    return `runs on ${system}`;
  return undefined;
}

function runJob(job) {
  const label = `${job.workflow}/${job.id}${job.values && ` (${job.values})`}`;
  const why = obstacle(job);
  if (why !== undefined) {
    rows.push([label, "all", `not here: ${why}`, ""]);
    return;
  }
  job.path = process.env.PATH;
  let isOver = false;
  for (const step of job.steps) {
    const name = (step.name ?? step.run ?? step.uses).trim().split("\n")[0];
    const row = (said, seconds = "") => rows.push([label, `\`${name}\``, said, seconds]);
    if (isOver || step.condition === "failure()") {
      if (isOver) row("not reached");
      continue;
    }
    console.error(`${label}: ${name}`);
    const started = performance.now();
    const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
    try {
      row(runStep(step, job), seconds());
    } catch (error) {
      isOver = true;
      hasFailed ||= !(error instanceof Missing);
      row(error instanceof Missing ? `not here: ${error.message}` : `FAILED: ${error.message}`, seconds());
    }
  }
}

try {
  const all = readJobs({ workspace: clone });
  const wanted = values.only?.split(",");
  const names = all.map(({ workflow, id }) => `${workflow}/${id}`);
  for (const name of wanted ?? [])
    if (!names.includes(name)) fail(`There is no job ${name}: ${names.join(", ")}.`);
  for (const job of all) if (wanted?.includes(`${job.workflow}/${job.id}`) ?? true) runJob(job);
  console.log(markdown(["job", "step", "", "time"], rows));
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(hasFailed ? 1 : 0);
