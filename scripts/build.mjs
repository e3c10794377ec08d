// Builds the addon for this machine into native/, unless it is up to date. `--force` builds in any case.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { digest, fail, isStamped, requireCargo, requireNode, root, stamp } from "./setup.mjs";

const { platformTriple } = createRequire(import.meta.url)("../lib/native/index.js");

/**
 * How cargo builds the addon, with further options. Made into nothing else, all crates are optimised as one: cargo does not do
 * that to libraries. The thresholds say what is small enough to be inlined, and what of that is marked for it. Loops are neither
 * made wide nor unrolled: those that go over every byte are made wide by hand, in crates of their own. Frame pointers make the tables for
 * unwinding smaller by more than they cost in code. See "Size" in docs/performance.md for what each gives.
 */
export const cargoArguments = (...options) => [
  ...["rustc", "--release", "--lib", "--crate-type=cdylib", ...options],
  ...["--", "-C", "llvm-args=-inline-threshold=25 -inlinehint-threshold=200 -unroll-runtime=false"],
  ...["-C", "no-vectorize-loops", "-C", "force-frame-pointers=yes"],
];

/** The files from which the addon is built. */
export function sources() {
  const src = path.join(root, "src");
  const files = readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  return [...["Cargo.toml", "Cargo.lock", "build.rs"].map((name) => path.join(root, name)), ...files];
}

function environment(triple) {
  // A static C library cannot be loaded into Node, and is the default on musl.
  if (!triple.includes("musl")) return process.env;
  return { ...process.env, RUSTFLAGS: `${process.env.RUSTFLAGS ?? ""} -C target-feature=-crt-static`.trim() };
}

/** Runs cargo and returns the path of the library that it says it made. */
function compile(triple) {
  const args = cargoArguments("--message-format=json-render-diagnostics");
  const { status, stdout } = spawnSync("cargo", args, {
    cwd: root,
    env: environment(triple),
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) fail("The addon could not be built; cargo's output above says why.");
  const libraries = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter((message) => message.reason === "compiler-artifact" && message.target.kind.includes("cdylib"))
    .flatMap((message) => message.filenames)
    .filter((file) => /\.(so|dylib|dll)$/.test(file));
  if (libraries.length === 0) fail('cargo built no library; is crate-type = ["cdylib"] still in Cargo.toml?');
  return libraries.at(-1);
}

/** Builds the addon if its sources changed. Returns its path. */
export function buildAddon({ force = false } = {}) {
  const triple = platformTriple();
  const addon = path.join(root, "native", `opslog.${triple}.node`);
  const wanted = digest(sources(), triple);
  if (!force && existsSync(addon) && isStamped(`native-${triple}`, wanted)) return addon;
  console.log(`Building the addon for ${triple} (cargo rustc --release)...`);
  const library = compile(triple);
  mkdirSync(path.dirname(addon), { recursive: true });
  // Renamed into place: a running process may have the old one mapped.
  const temporary = `${addon}.${process.pid}.tmp`;
  copyFileSync(library, temporary);
  renameSync(temporary, addon);
  // NOTE: what was asked for, not what is there by now: a source may have changed meanwhile.
  stamp(`native-${triple}`, wanted);
  return addon;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  requireNode();
  requireCargo();
  console.log(path.relative(root, buildAddon({ force: process.argv.includes("--force") })));
}
