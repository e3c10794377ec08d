// `npm run test:windows [-- --short]`: runs the binary for Windows in a Windows: a real Node for Windows under Wine. Prints
// a table; exits with 1 if a row of it is not well. `--short` leaves out what takes minutes, and `--only backend,files/lock,soak:agents` all but these specs, topics
// and stages.

import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { sources } from "../build.mjs";
import { binaryOf, buildFor } from "../package/cross-build.mjs";
import { buildPage } from "../ui/build.mjs";
import { fail, requireCargo, requireModules, requireNode, root } from "../setup.mjs";
import { buildRustTests, rustRows } from "./rust.mjs";
import { ALONE, LEFT_OUT, SHORT, TESTS_LEFT_OUT } from "./specs.mjs";
import { markdown } from "./table.mjs";
import { NEEDS, obstacle, requireWine, requireWindowsNode, runInWine, windowsPath } from "./wine.mjs";

const PLATFORM = "win32-x64-msvc";
const MAJORS = [20, 22, 24];
/** What a long run may take: in Wine, on a machine that has other work, a sequence of the model and a kill took three seconds each. */
const LONG_MS = 3_600_000;
const { values } = parseArgs({
  options: { short: { type: "boolean", default: false }, only: { type: "string" } },
});

const count = (text, pattern) => Number(pattern.exec(text)?.[1] ?? 0);

/** What a run of ava said: how many tests passed and failed, and the titles of those that failed. */
function readAva(output) {
  const failed = count(output, /(\d+) tests? failed/) + count(output, /(\d+) uncaught exceptions?/);
  const titles = [...output.matchAll(/^ +[×✘] \[fail\]: (.+)$/gm)].map(([, title]) => title);
  return {
    passed: count(output, /(\d+) tests? passed/),
    skipped: count(output, /(\d+) tests? skipped/),
    failed,
    titles,
  };
}

const env = { OPSLOG_NATIVE_PATH: windowsPath(`npm/${PLATFORM}/opslog.${PLATFORM}.node`), NO_COLOR: "1" };
const rows = [];
const complaints = [];

function add(name, seconds, said, complaint = "") {
  rows.push([name, said, `${seconds.toFixed(0)} s`]);
  console.error(`${name}: ${said} (${seconds.toFixed(0)} s)`);
  if (complaint === "") return;
  complaints.push(`${name}:\n${complaint}`);
  console.error(complaint);
}

/** Runs a script with Node. The row is what `read` makes of its output. */
function runScript(name, node, args, read, timeoutMs) {
  const started = performance.now();
  const run = runInWine(node, args, { env, timeoutMs });
  const ended = run.status === 0 ? undefined : `exit ${run.status ?? run.signal}`;
  const { said, complaint } = read(run, ended);
  add(name, (performance.now() - started) / 1000, said, complaint);
}

const plainly = (run, ended) => ({
  said: ended ?? "ok",
  complaint: ended === undefined ? "" : `${run.stdout}${run.stderr}`.trim().split("\n").slice(-20).join("\n"),
});

/** The specs of a topic run in one process: Wine takes long to start each. */
function runTopic(node, topic, specs, options = []) {
  const files = specs.map((spec) => `__test__/${spec}.spec.mjs`);
  const leftOut = specs.flatMap((spec) => Object.keys(TESTS_LEFT_OUT[spec] ?? {}));
  const matches = leftOut.length > 0 ? ["*", ...leftOut.map((title) => `!${title}`)] : [];
  const ava = [
    "node_modules/ava/entrypoints/cli.mjs",
    "--worker-threads",
    "--timeout=10m",
    ...matches.map((title) => `--match=${title}`),
    ...options,
    ...files,
  ];
  const read = ({ stdout }, ended) => {
    const { passed, skipped, failed, titles } = readAva(stdout);
    const parts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
    const isDone = passed > 0 && (ended === undefined || failed > 0);
    const said = isDone ? parts.filter(Boolean).join(", ") : (ended ?? "no test ran");
    const complaint = [...titles, "", ...stdout.split("\n").slice(-40)].join("\n");
    return { said, complaint: isDone && ended === undefined ? "" : complaint };
  };
  runScript(`${topic} (${specs.length} files)`, node, ava, read, specs.length * 600_000);
}

requireNode();
requireCargo();
requireModules();
const missing = obstacle();
if (missing !== undefined) {
  if (!values.short) fail(`${NEEDS} It cannot be had here: ${missing}.`);
  console.log(`Not tried on Windows: ${missing}.`);
  process.exit(0);
}
requireWine();
// What builds the page is a program of this machine.
buildPage();
const changed = (file) => statSync(file).mtimeMs;
/** Whether the binary is there, and no file of the crate is newer. */
function isBuilt() {
  const binary = binaryOf(PLATFORM);
  return existsSync(binary) && sources().every((file) => changed(file) <= changed(binary));
}

// The short form takes the binary that `npm run build:platforms` made.
if (!values.short || !isBuilt()) buildFor(PLATFORM);

const wanted = values.short ? MAJORS.slice(-1) : MAJORS;
const nodes = wanted.map((major) => [major, requireWindowsNode(major)]);
const [, newest] = nodes.at(-1);
const binary = `npm/${PLATFORM}/opslog.${PLATFORM}.node`;
for (const [major, node] of nodes) {
  runScript(`smoke, Node ${major}`, node, ["scripts/package/smoke.mjs", binary], plainly);
  runScript(`quick start, Node ${major}`, node, ["scripts/windows/quick-start.mjs"], plainly);
}
/** `--only` names specs, topics, or stages. */
const named = values.only?.split(",");
const stages = {
  rust() {
    for (const row of rustRows(buildRustTests())) add(...row);
  },
  model() {
    const model = ["campaigns/model.mjs", "--sequences", "500", "--seed", "20261128"];
    runScript("model, 500 sequences", newest, model, plainly, LONG_MS);
  },
  "soak:kill"() {
    const kills = ["campaigns/soak-kill.mjs", "--kills", "500", "--acknowledged", "1", "--work-ms", "30"];
    runScript("kill soak, 500 kills", newest, kills, plainly, LONG_MS);
  },
  "soak:agents"() {
    const agents = ["campaigns/soak-agents.mjs", "--agents", "4", "--minutes", "1", "--seed", "20261128"];
    runScript("soak of 4 agents, one minute", newest, agents, plainly, LONG_MS);
  },
};
if (!values.short) {
  for (const [name, run] of Object.entries(stages)) if (named?.includes(name) ?? true) run();
}
const all = readdirSync(path.join(root, "__test__"), { recursive: true })
  .filter((name) => name.endsWith(".spec.mjs"))
  .map((name) => name.slice(0, -".spec.mjs".length).replaceAll("\\", "/"));
const isNamed = (spec) => named.some((name) => spec === name || spec.startsWith(`${name}/`));
const chosen = named ? all.filter(isNamed) : values.short ? SHORT : all;
const topics = {};
for (const spec of chosen.filter((spec) => !(spec in LEFT_OUT)))
  (topics[path.posix.dirname(spec)] ??= []).push(spec);
for (const [topic, specs] of Object.entries(topics)) {
  const together = specs.filter((spec) => !(spec in ALONE));
  if (together.length > 0) runTopic(newest, topic, together);
  for (const spec of specs.filter((spec) => spec in ALONE)) runTopic(newest, spec, [spec], ALONE[spec]);
}

console.log(`\n${markdown(["what", "", "time"], rows)}`);
if (!values.short) {
  const reasons = Object.entries(LEFT_OUT).map(([spec, reason]) => `- ${spec}: ${reason}.`);
  const tests = Object.entries(TESTS_LEFT_OUT).flatMap(([spec, titles]) =>
    Object.entries(titles).map(([title, reason]) => `- ${spec}, "${title}": ${reason}.`),
  );
  console.log(`\nNot run there:\n${[...reasons, ...tests].join("\n")}`);
}
if (complaints.length > 0) {
  console.log(`\n${complaints.join("\n\n")}`);
  process.exitCode = 1;
}
