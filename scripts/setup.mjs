// What a fresh clone needs before anything else can run: the Rust tools, and node_modules as the lock file
// has it. Uses Node's own modules only.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const MINIMUM_NODE = 20;
const windows = process.platform === "win32";

/** Prints one sentence and ends the process. */
export function fail(sentence) {
  console.error(`\n${sentence}`);
  process.exit(1);
}

/** Runs a program in the project's folder with its output shown. Returns whether it succeeded. */
export function run(program, args, options = {}) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit", ...options });
  if (error) console.error(`${program}: ${error.message}`);
  return status === 0;
}

function succeeds(program, args) {
  return spawnSync(program, args, { cwd: root, stdio: "ignore" }).status === 0;
}

export function requireNode() {
  const major = Number(process.versions.node.split(".", 1)[0]);
  if (major < MINIMUM_NODE) {
    fail(`opslog needs Node ${MINIMUM_NODE} or newer; this is Node ${process.versions.node}.`);
  }
}

/** Makes `cargo` callable, or says in one sentence that it is missing. */
export function requireCargo() {
  if (succeeds("cargo", ["--version"])) return;
  const bin = path.join(process.env.CARGO_HOME ?? path.join(homedir(), ".cargo"), "bin");
  if (existsSync(path.join(bin, windows ? "cargo.exe" : "cargo"))) {
    process.env.PATH = `${bin}${path.delimiter}${process.env.PATH ?? ""}`;
    if (succeeds("cargo", ["--version"])) return;
  }
  fail(
    "opslog's native part needs a Rust toolchain to be built: install one from https://rustup.rs and run this again.",
  );
}

/** Makes `cargo fmt` and `cargo clippy` callable. */
export function requireRustComponents() {
  const missing = [
    ["rustfmt", "fmt"],
    ["clippy", "clippy"],
  ].filter(([, command]) => !succeeds("cargo", [command, "--version"]));
  if (missing.length === 0) return;
  const components = missing.map(([component]) => component);
  if (!run("rustup", ["component", "add", ...components])) {
    fail(
      `The checks need the Rust component(s) ${components.join(" and ")}: install them and run this again.`,
    );
  }
}

/** Runs npm, through the copy of it that started this script where there is one. */
function npm(args, options = {}) {
  const script = process.env.npm_execpath;
  if (script?.endsWith(".js")) return run(process.execPath, [script, ...args], options);
  return run(windows ? "npm.cmd" : "npm", args, { shell: windows, ...options });
}

/** A digest of files' contents. */
export function digest(files, salt = "") {
  const hash = createHash("sha256").update(salt);
  for (const file of files) {
    const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    const name = path.relative(root, file).replaceAll(path.sep, "/");
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/** Whether the stamp of that name holds the digest. */
export function isStamped(name, value) {
  const file = stampPath(name);
  return existsSync(file) && readFileSync(file, "utf8") === value;
}

export function stamp(name, value) {
  mkdirSync(path.dirname(stampPath(name)), { recursive: true });
  writeFileSync(stampPath(name), value);
}

function stampPath(name) {
  return path.join(root, ".cache", name);
}

/** Installs a folder's node_modules, unless they are what its lock file asks for already. */
function requireModulesOf(folder, name, what) {
  const wanted = digest([path.join(folder, "package-lock.json")]);
  const installed = path.join(folder, "node_modules", ".package-lock.json");
  if (existsSync(installed) && isStamped(name, wanted)) return;
  console.log(`Installing ${what} (npm ci)...`);
  if (!npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder })) {
    fail("npm ci failed; its output above says why.");
  }
  stamp(name, wanted);
}

/** The development dependencies, for everything. */
export function requireModules() {
  requireModulesOf(root, "modules", "the development dependencies");
}

/** What the benchmark compares with and draws with. */
export function requireBenchModules() {
  requireModulesOf(path.join(root, "bench"), "modules-bench", "what the benchmark compares with");
}
