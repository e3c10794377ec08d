// `npm test`: every check of the project, in order, up to the first that fails. `npm test -- <name>...` runs
// only the named stages.

import { spawn } from "node:child_process";
import path from "node:path";
import { buildAddon } from "./build.mjs";
import { fail, requireCargo, requireModules, requireNode, requireRustComponents, root } from "./setup.mjs";

const tool = (name, file) => [process.execPath, [path.join(root, "node_modules", name, file)]];
const withArgs = ([program, args], ...more) => [program, [...args, ...more]];
// The declarations must hold for what users have: each of these, for ESM and CommonJS.
const compilers = ["typescript", "typescript-6", "typescript-7"].map((name) => tool(name, "bin/tsc"));
// The protocols as models, a crate of its own.
const model = ["--manifest-path", "tests/model/Cargo.toml"];

const stages = [
  {
    name: "fmt",
    title: "cargo fmt --check",
    commands: [
      ["cargo", ["fmt", "--check"]],
      ["cargo", ["fmt", "--check", ...model]],
    ],
  },
  {
    name: "clippy",
    title: "cargo clippy",
    commands: [["cargo", ["clippy", "--all-targets", "--", "-D", "warnings"]]],
  },
  {
    name: "cargo",
    title: "cargo test",
    commands: [
      ["cargo", ["test"]],
      ["cargo", ["test", ...model, "--target-dir", "target/model"]],
    ],
    counts: countCargo,
  },
  { name: "build", title: "build the addon", work: () => Boolean(buildAddon()) },
  // NOTE: what builds the page is itself a development dependency.
  {
    name: "page",
    title: "build the page",
    work: async () => Boolean(await (await import("./ui/build.mjs")).buildPage()),
  },
  { name: "eslint", title: "eslint", commands: [withArgs(tool("eslint", "bin/eslint.js"), ".")] },
  {
    name: "prettier",
    title: "prettier --check",
    commands: [withArgs(tool("prettier", "bin/prettier.cjs"), "--check", "--log-level=warn", ".")],
  },
  {
    name: "types",
    title: "tsc 5, 6, 7: types",
    commands: compilers.flatMap((tsc) => [
      withArgs(tsc, "-p", "tsconfig.json"),
      withArgs(tsc, "-p", "tsconfig.consumer.json"),
    ]),
  },
  { name: "ava", title: "ava", commands: [tool("ava", "entrypoints/cli.mjs")], counts: countAva },
];

const sum = (text, pattern) =>
  [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);

function countCargo(output) {
  return {
    passed: sum(output, /^test result: .*? (\d+) passed/gm),
    failed: sum(output, /^test result: .*? (\d+) failed/gm),
  };
}

function countAva(output) {
  return {
    passed: sum(output, /^ +(\d+) tests? passed/gm),
    failed: sum(output, /^ +(\d+) (?:tests? failed|hooks? failed|uncaught exceptions?)/gm),
  };
}

/** The tests that failed, as ava and cargo name them, and what ava says of each, in one line. */
function failedIn(output) {
  const found = output.matchAll(/^ +✘ ([^]*?)$(?=\n +[✔✘ℹ─])|^test (\S+) \.\.\. FAILED$/gm);
  return [...found].map(([, ofAva, ofCargo]) => (ofAva ?? ofCargo).replace(/\s+/g, " ").slice(0, 500));
}

/** Runs a program with its output shown. Resolves to whether it succeeded, and what it printed. */
function execute([program, args]) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const show = (source, target) => {
      source.setEncoding("utf8");
      source.on("data", (text) => {
        output += text;
        target.write(text);
      });
    };
    show(child.stdout, process.stdout);
    show(child.stderr, process.stderr);
    child.on("error", (error) => {
      console.error(`${program}: ${error.message}`);
      resolve({ ok: false, output });
    });
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

async function runStage(stage) {
  if (stage.work) return { ok: await stage.work(), passed: 1, failed: 0 };
  let output = "";
  for (const command of stage.commands) {
    const result = await execute(command);
    output += result.output;
    if (!result.ok) {
      const { passed = 0, failed = 1 } = stage.counts?.(output) ?? {};
      return { ok: false, passed, failed: Math.max(1, failed), names: failedIn(output) };
    }
  }
  return { ok: true, ...(stage.counts?.(output) ?? { passed: 1, failed: 0 }) };
}

function chosenStages(names) {
  const unknown = names.filter((name) => !stages.some((stage) => stage.name === name));
  if (unknown.length > 0) {
    fail(
      `Unknown stage(s) ${unknown.join(", ")}; there are ${stages.map((stage) => stage.name).join(", ")}.`,
    );
  }
  return names.length === 0 ? stages : stages.filter((stage) => names.includes(stage.name));
}

const chosen = chosenStages(process.argv.slice(2));
requireNode();
requireCargo();
requireRustComponents();
requireModules();

const summary = [];
for (const stage of chosen) {
  console.log(`\n=== ${stage.title} ===`);
  const started = performance.now();
  const result = await runStage(stage);
  summary.push({ ...result, title: stage.title, seconds: (performance.now() - started) / 1000 });
  if (!result.ok) {
    console.error(`\n=== FAILED: ${stage.title} ===`);
    break;
  }
}

console.log("");
for (const { ok, title, seconds, passed, failed } of summary) {
  const counts = failed > 0 ? `${passed} passed, ${failed} failed` : `${passed} passed`;
  console.log(`${ok ? "ok  " : "FAIL"} ${title.padEnd(20)} ${seconds.toFixed(1).padStart(7)} s   ${counts}`);
}
for (const { title } of chosen.slice(summary.length)) console.log(`--   ${title.padEnd(20)} not run`);
// What is read first, where only the end of the output is kept.
for (const name of summary.flatMap(({ names = [] }) => names).slice(0, 10)) console.log(`FAIL ${name}`);
const total = (key) => summary.reduce((count, stage) => count + stage[key], 0);
console.log(`${total("passed")} passed, ${total("failed")} failed`);
process.exitCode = summary.every((stage) => stage.ok) ? 0 : 1;
