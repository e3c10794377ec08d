// A project that has the package installed from its tarballs, and everything that a program can do with it there.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "../setup.mjs";
import { npm } from "./runtimes.mjs";

const programs = fileURLToPath(new URL("./programs/", import.meta.url));
const TIMEOUT_MS = 120_000;

/** Programs to run, by the table's columns, with the name of a folder of data for those that want one. */
export const columns = {
  import: ["esm.mjs"],
  require: ["cjs.cjs"],
  worker_threads: ["worker.mjs"],
  AsyncLocalStorage: ["context.mjs"],
  "TypeScript node16, ESM": ["node16/typed.mjs", "data-esm"],
  "TypeScript node16, CJS": ["node16/typed.cjs", "data-cjs"],
  "TypeScript bundler": ["bundler/typed.mjs", "data-bundler"],
  "esbuild bundle": ["bundled/cjs.cjs"],
};

/** What the programs are compiled into. */
const COMPILED = ["node16", "bundler", "bundled"];

/** An environment in which neither cargo nor rustc is. */
export function withoutRust() {
  const has = (folder, name) =>
    existsSync(path.join(folder, name)) || existsSync(path.join(folder, `${name}.exe`));
  const folders = process.env.PATH.split(path.delimiter).filter(
    (folder) => !has(folder, "cargo") && !has(folder, "rustc"),
  );
  const { OPSLOG_NATIVE_PATH, ...env } = process.env;
  return { ...env, PATH: folders.join(path.delimiter) };
}

/** An empty project with the tarballs installed, and tools from the registry. */
export function project(folder, dependencies, env) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
  npm(folder, ["install", ...dependencies], env);
  cpSync(programs, folder, { recursive: true });
  return folder;
}

/** The same for another platform, which npm must be told to take, with the programs as they were compiled here. */
export function foreignProject(folder, dependencies, compiled, env) {
  project(folder, [...dependencies, "--force"], env);
  for (const name of COMPILED)
    cpSync(path.join(compiled, name), path.join(folder, name), { recursive: true });
  return folder;
}

/** Runs a tool that is installed in a project. */
export function runTool(folder, env, name, ...args) {
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

/** Compiles and bundles the programs. */
export function compile(folder, env) {
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
  const said = (run.stderr || run.stdout || "").trim().split("\n").slice(0, 3).join(" ");
  return `${run.error?.message ?? `exit ${run.status ?? run.signal}`}: ${said}`;
}

/** A row of the table: the runtime, and what became of each program, or of those that are named. */
export function row(folder, env, runtime, names = Object.keys(columns)) {
  console.error(`Running with ${runtime.name}...`);
  return [runtime.name, ...names.map((name) => cell(folder, env, runtime, columns[name]))];
}
