// `npm run build:platforms [-- <platform>...]`: builds the addon for every platform that can be built for from here,
// into npm/<platform>/, and checks what came out. Zig links for the others: its C libraries go back to the oldest
// systems that are supported. What needs Microsoft's SDK is left to the release workflow.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { cargoArguments } from "../build.mjs";
import { platforms } from "../platform-packages.mjs";
import { fail, requireCargo, requireNode, root, run } from "../setup.mjs";
import { inspect, inspectionTable } from "./inspect.mjs";

/** Rust's names of the platforms, with the oldest glibc that is supported. */
export const rustTargets = {
  "linux-x64-gnu": "x86_64-unknown-linux-gnu.2.17",
  "linux-x64-musl": "x86_64-unknown-linux-musl",
  "linux-arm64-gnu": "aarch64-unknown-linux-gnu.2.17",
  "linux-arm64-musl": "aarch64-unknown-linux-musl",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
};

const TOOLS = ["ziglang==0.15.2", "cargo-zigbuild==0.21.1"];
const tools = path.join(root, ".cache", "zig");

/** Where a platform's binary goes. */
export const binaryOf = (platform) => path.join(root, "npm", platform, `opslog.${platform}.node`);

function requireZig() {
  if (existsSync(path.join(tools, "bin", "cargo-zigbuild"))) return;
  console.log(`Installing ${TOOLS.join(" and ")}...`);
  mkdirSync(path.dirname(tools), { recursive: true });
  rmSync(tools, { recursive: true, force: true });
  const arguments_ = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", tools];
  if (!run("python3", [...arguments_, ...TOOLS]))
    fail("Zig could not be installed: Python 3 with pip is needed.");
}

function flags(platform) {
  // A static C library cannot be loaded into Node, and is the default on musl.
  if (platform.endsWith("-musl")) return "-C target-feature=-crt-static";
  // Cargo leaves the symbols to a program of Apple's.
  return platform.startsWith("darwin") ? "-C link-arg=-s" : "";
}

function environment(platform) {
  const { PATH, RUSTFLAGS = "" } = process.env;
  return {
    ...process.env,
    PATH: `${path.join(tools, "bin")}${path.delimiter}${PATH}`,
    PYTHONPATH: tools,
    RUSTFLAGS: `${RUSTFLAGS} ${flags(platform)}`.trim(),
  };
}

/** Builds the addon for a platform. Returns the path of the binary. */
function build(platform) {
  const target = rustTargets[platform];
  const [plain] = target.split(/\.\d/);
  console.log(`Building the addon for ${platform}...`);
  if (!run("rustup", ["target", "add", plain])) fail(`rustup has no target ${plain} for this toolchain.`);
  const args = cargoArguments("--target", target);
  if (!run("cargo-zigbuild", args, { env: environment(platform) })) {
    fail(`The addon for ${platform} could not be built; cargo's output above says why.`);
  }
  const targets = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");
  const library = platform.startsWith("darwin") ? "libopslog.dylib" : "libopslog.so";
  const binary = binaryOf(platform);
  mkdirSync(path.dirname(binary), { recursive: true });
  copyFileSync(path.join(targets, plain, "release", library), binary);
  return binary;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  requireNode();
  requireCargo();
  const wanted = process.argv.slice(2);
  for (const platform of wanted) {
    if (!(platform in platforms))
      fail(`There is no platform ${platform}; there are ${Object.keys(platforms).join(", ")}.`);
    if (!(platform in rustTargets)) fail(`${platform} can be built on Windows only.`);
  }
  if (spawnSync("rustup", ["--version"]).error)
    fail("rustup is needed, for the standard libraries of other platforms.");
  requireZig();
  const built = wanted.length > 0 ? wanted : Object.keys(rustTargets);
  const found = built.map((platform) => inspect(platform, build(platform)));
  console.log(`\n${inspectionTable(found)}`);
  if (found.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
}
