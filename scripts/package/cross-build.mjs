// `npm run build:platforms [-- <platform>...]`: builds the addon for every platform that can be built for from here,
// into npm/<platform>/, and checks what came out. Zig links for the others: its C libraries go back to the oldest
// systems that are supported, and are what Windows has without Microsoft's SDK.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { cargoArguments } from "../build.mjs";
import { platforms } from "../platform-packages.mjs";
import { fail, requireCargo, requireNode, root, run } from "../setup.mjs";
import { inspect, inspectionTable } from "./inspect.mjs";
import { withoutTime } from "./portable-executable.mjs";
import { requireZig, zigFolder } from "./zig.mjs";

/** Rust's names of the platforms, with the oldest glibc that is supported. */
export const rustTargets = {
  "linux-x64-gnu": "x86_64-unknown-linux-gnu.2.17",
  "linux-x64-musl": "x86_64-unknown-linux-musl",
  "linux-arm64-gnu": "aarch64-unknown-linux-gnu.2.17",
  "linux-arm64-musl": "aarch64-unknown-linux-musl",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
  "win32-x64-msvc": "x86_64-pc-windows-gnullvm",
  "win32-arm64-msvc": "aarch64-pc-windows-gnullvm",
};

/** Where a platform's binary goes. */
export const binaryOf = (platform) => path.join(root, "npm", platform, `opslog.${platform}.node`);

/** Options of rustc for a platform. None of them lets a path of this machine into the binary. */
function flags(platform) {
  const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), ".cargo");
  const always = [`--remap-path-prefix=${cargoHome}=/cargo`, `--remap-path-prefix=${root}=/opslog`];
  // A static C library cannot be loaded into Node, and is the default on musl.
  if (platform.endsWith("-musl")) return [...always, "-Ctarget-feature=-crt-static"];
  // Cargo leaves the symbols to a program of Apple's, and the library's name to the linker, which takes its path.
  if (platform.startsWith("darwin")) {
    const name = path.basename(binaryOf(platform));
    const options = ["-s", "-Wl,-dead_strip_dylibs", `-Wl,-install_name,@rpath/${name}`];
    return [...always, ...options.map((option) => `-Clink-arg=${option}`)];
  }
  return always;
}

/**
 * A folder with a `libnode` in it that has nothing in it: the build script of `napi` asks for one when it builds for
 * Windows with another linker than Microsoft's. The addon looks Node's functions up when it is loaded.
 */
function emptyLibnode() {
  const folder = path.join(root, ".cache", "libnode");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "libnode.dll"), "");
  writeFileSync(path.join(folder, "libnode.a"), "!<arch>\n");
  return folder;
}

/** The environment in which `cargo-zigbuild` builds for a platform. */
export function crossEnvironment(platform) {
  const { PATH, RUSTFLAGS = "", CARGO_ENCODED_RUSTFLAGS, ...env } = process.env;
  const encoded = CARGO_ENCODED_RUSTFLAGS ?? RUSTFLAGS.split(" ").filter(Boolean).join("\x1f");
  return {
    ...env,
    PATH: `${path.join(zigFolder, "bin")}${path.delimiter}${PATH}`,
    PYTHONPATH: zigFolder,
    CARGO_ENCODED_RUSTFLAGS: [encoded, ...flags(platform)].filter(Boolean).join("\x1f"),
    ...(platform.startsWith("win32") ? { LIBNODE_PATH: emptyLibnode() } : {}),
  };
}

/** The name that cargo gives the library for a platform. */
function libraryOf(platform) {
  const system = platform.split("-", 1)[0];
  return { darwin: "libopslog.dylib", linux: "libopslog.so", win32: "opslog.dll" }[system];
}

/** Builds the addon for a platform, with Zig. Returns the path of the binary. */
export function buildFor(platform) {
  requireZig();
  const target = rustTargets[platform];
  const [plain] = target.split(/\.\d/);
  console.error(`Building the addon for ${platform}...`);
  if (!run("rustup", ["target", "add", plain])) fail(`rustup has no target ${plain} for this toolchain.`);
  const args = cargoArguments("--target", target);
  if (!run("cargo-zigbuild", args, { env: crossEnvironment(platform) })) {
    fail(`The addon for ${platform} could not be built; cargo's output above says why.`);
  }
  const targets = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");
  const library = libraryOf(platform);
  const binary = binaryOf(platform);
  mkdirSync(path.dirname(binary), { recursive: true });
  copyFileSync(path.join(targets, plain, "release", library), binary);
  if (platform.startsWith("win32")) writeFileSync(binary, withoutTime(readFileSync(binary)));
  return binary;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  requireNode();
  requireCargo();
  const wanted = process.argv.slice(2);
  for (const platform of wanted) {
    if (!(platform in platforms))
      fail(`There is no platform ${platform}; there are ${Object.keys(platforms).join(", ")}.`);
  }
  if (spawnSync("rustup", ["--version"]).error)
    fail("rustup is needed, for the standard libraries of other platforms.");
  const built = wanted.length > 0 ? wanted : Object.keys(rustTargets);
  const found = built.map((platform) => inspect(platform, buildFor(platform)));
  console.log(`\n${inspectionTable(found)}`);
  if (found.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
}
