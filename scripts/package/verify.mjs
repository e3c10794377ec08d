// `npm run verify:package`: packs what is published, installs it from the tarballs into an empty folder elsewhere, with
// no Rust to be found, and uses it in every way and with every runtime that is supported. Prints a table; exits with 1
// if a cell of it is not well.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { buildAddon } from "../build.mjs";
import { platforms } from "../platform-packages.mjs";
import { fail, requireCargo, requireModules, requireNode, root } from "../setup.mjs";
import { binaryOf } from "./cross-build.mjs";
import { inspect, inspectionTable } from "./inspect.mjs";
import { installRuntimes, npm } from "./runtimes.mjs";
import { stage } from "./stage.mjs";

const { platformTriple } = createRequire(import.meta.url)("../../lib/native.js");
const programs = fileURLToPath(new URL("./programs/", import.meta.url));
const TIMEOUT_MS = 120_000;

/** Where neither cargo nor rustc is. */
const withoutRust = () => {
  const has = (folder, name) =>
    existsSync(path.join(folder, name)) || existsSync(path.join(folder, `${name}.exe`));
  const folders = process.env.PATH.split(path.delimiter).filter(
    (folder) => !has(folder, "cargo") && !has(folder, "rustc"),
  );
  const { OPSLOG_NATIVE_PATH, ...env } = process.env;
  return { ...env, PATH: folders.join(path.delimiter) };
};

/** An empty project with the tarballs installed, and tools from the registry. */
function project(folder, dependencies, env) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
  npm(folder, ["install", ...dependencies], env);
  cpSync(programs, folder, { recursive: true });
  return folder;
}

function runTool(folder, env, name, ...args) {
  const { status, stdout, stderr } = spawnSync(path.join(folder, "node_modules", ".bin", name), args, {
    cwd: folder,
    env,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  return { ok: status === 0, said: `${stdout}${stderr}`.trim() };
}

function mustRun(folder, env, name, ...args) {
  const { ok, said } = runTool(folder, env, name, ...args);
  if (!ok) fail(`${name} ${args.join(" ")}:\n${said}`);
}

/** Compiles and bundles the programs. Returns what there is to run, by the table's columns. */
function prepare(folder, env) {
  cpSync(path.join(folder, "typed.mts"), path.join(folder, "typed.cts"));
  const strict = ["--strict", "--target", "es2022", "--types", "node", "--skipLibCheck", "false"];
  const node16 = ["--module", "node16", "--moduleResolution", "node16"];
  const bundler = ["--module", "esnext", "--moduleResolution", "bundler"];
  mustRun(folder, env, "tsc", ...strict, ...node16, "--outDir", "node16", "typed.mts", "typed.cts");
  mustRun(folder, env, "tsc", ...strict, ...bundler, "--outDir", "bundler", "typed.mts");
  mustRun(
    folder,
    env,
    "esbuild",
    "cjs.cjs",
    "--bundle",
    "--platform=node",
    "--outfile=bundled/cjs.cjs",
    "--log-level=error",
  );
  return {
    import: ["esm.mjs"],
    require: ["cjs.cjs"],
    worker_threads: ["worker.mjs"],
    "TypeScript node16, ESM": ["node16/typed.mjs", "data-esm"],
    "TypeScript node16, CJS": ["node16/typed.cjs", "data-cjs"],
    "TypeScript bundler": ["bundler/typed.mjs", "data-bundler"],
    "esbuild bundle": ["bundled/cjs.cjs"],
  };
}

/** "ok", or what was said instead of "works". */
function cell(folder, env, { program, args }, [file, data]) {
  const more = data === undefined ? [] : [mkdtempSync(path.join(tmpdir(), `opslog-${data}-`))];
  const run = spawnSync(program, [...args, file, ...more], {
    cwd: folder,
    env,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
  for (const each of more) rmSync(each, { recursive: true, force: true });
  const lines = (run.stdout ?? "").trim().split("\n");
  if (run.status === 0 && lines.every((line) => line === "works")) return "ok";
  return `${run.error?.message ?? `exit ${run.status ?? run.signal}`}: ${(run.stderr || run.stdout).trim().split("\n").slice(0, 3).join(" ")}`;
}

function table(header, rows) {
  const lines = [header, header.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ").replaceAll("\n", " ")} |`).join("\n");
}

/** Whether the packages that were installed tell npm to run anything. */
function withoutScripts(folder, platform) {
  const { name } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const read = (each) =>
    JSON.parse(readFileSync(path.join(folder, "node_modules", each, "package.json"), "utf8"));
  const scripts = [name, `${name}-${platform}`].flatMap((each) => Object.keys(read(each).scripts ?? {}));
  return scripts.length === 0 ? "ok" : `it said ${scripts.join(", ")}`;
}

/** A project in which the platform's package is missing, as after an installation without optional packages. */
function withoutBinary(folder, env, tarball) {
  project(folder, [tarball, "--omit=optional"], env);
  const script = `import { LamportClock, Store } from "@backloghq/opslog"; new LamportClock();
    new Store().open("never").catch(({ code, tried }) => console.log(code, tried.length));`;
  writeFileSync(path.join(folder, "missing.mjs"), script);
  const { stdout } = spawnSync(process.execPath, ["missing.mjs"], { cwd: folder, env, encoding: "utf8" });
  return stdout.trim() === "OPSLOG_NATIVE_UNAVAILABLE 2" ? "ok" : `it said ${stdout}`;
}

requireNode();
requireCargo();
requireModules();
const own = platformTriple();
const binaries = Object.fromEntries(
  Object.keys(platforms)
    .map((platform) => [platform, binaryOf(platform)])
    .filter(([, binary]) => existsSync(binary)),
);
binaries[own] ??= buildAddon();

const folder = mkdtempSync(path.join(tmpdir(), "opslog-verify-"));
const env = withoutRust();
const found = Object.entries(binaries).map(([platform, binary]) => inspect(platform, binary));
const tarballs = stage(path.join(folder, "tarballs"), binaries);

const developers = ["typescript@5.9", "@types/node@20", "esbuild", "publint", "@arethetypeswrong/cli"];
const consumer = project(path.join(folder, "consumer"), [tarballs.main, tarballs[own], ...developers], env);
const columns = prepare(consumer, env);
const runtimes = installRuntimes(path.join(root, ".cache", "runtimes"));
const rows = runtimes.map((runtime) => {
  console.log(`Running with ${runtime.name}...`);
  return [runtime.name, ...Object.values(columns).map((column) => cell(consumer, env, runtime, column))];
});
const publint = runTool(consumer, env, "publint", tarballs.main, "--strict");
const attw = runTool(consumer, env, "attw", tarballs.main, "--no-emoji");
const checks = [
  ["publint", publint.ok ? "ok" : publint.said],
  ["attw (are the types wrong)", attw.ok ? "ok" : attw.said],
  ["no binary installed: a clear error", withoutBinary(path.join(folder, "without"), env, tarballs.main)],
  ["no script runs at installation", withoutScripts(consumer, own)],
];
const unseen = Object.keys(platforms).filter((platform) => !(platform in binaries));

console.log(`\n${table(["", ...Object.keys(columns)], rows)}`);
console.log(`\n${table(["check", ""], checks)}`);
console.log(`\n${inspectionTable(found)}`);
const sizes = Object.entries(tarballs).map(([name, tarball]) => [
  name,
  statSync(tarball).size.toLocaleString("en"),
]);
console.log(`\n${table(["tarball", "bytes"], sizes)}`);
if (unseen.length > 0) {
  console.log(
    `\nNot built here, so not looked at: ${unseen.join(", ")} (\`npm run build:platforms\`; Windows: the release workflow).`,
  );
}
rmSync(folder, { recursive: true, force: true });
const cells = [...rows.flatMap((row) => row.slice(1)), ...checks.map(([, said]) => said)];
const isFaulty = cells.some((said) => said !== "ok") || found.some(({ faults }) => faults.length > 0);
if (isFaulty) process.exitCode = 1;
