// `npm run check:platforms [-- <platform>...]`: checks and lints the crate with its tests for every platform for which
// binaries are published, Windows included. Nothing is linked, so no SDK is needed.

import { platforms } from "../platform-packages.mjs";
import { fail, requireCargo, requireNode, requireRustComponents, run } from "../setup.mjs";
import { rustTargets } from "./cross-build.mjs";

/** Rust's names of what can be checked here, but not built. */
const onlyChecked = {
  "win32-x64-msvc": "x86_64-pc-windows-msvc",
  "win32-arm64-msvc": "aarch64-pc-windows-msvc",
};

requireNode();
requireCargo();
requireRustComponents();
const targets = { ...rustTargets, ...onlyChecked };
const wanted = process.argv.slice(2);
for (const platform of wanted.length > 0 ? wanted : Object.keys(platforms)) {
  if (!(platform in targets))
    fail(`There is no platform ${platform}; there are ${Object.keys(targets).join(", ")}.`);
  const [target] = targets[platform].split(/\.\d/);
  console.log(`Checking the code for ${platform}...`);
  if (!run("rustup", ["target", "add", target])) fail(`rustup has no target ${target} for this toolchain.`);
  if (!run("cargo", ["clippy", "--all-targets", "--target", target, "--", "-D", "warnings"])) {
    fail(`The code for ${platform} does not pass; cargo's output above says where.`);
  }
}
