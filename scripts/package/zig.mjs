// Zig, which links for other platforms, from PyPI; and what it knows of macOS's libraries.

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fail, root, run } from "../setup.mjs";

const TOOLS = ["ziglang==0.15.2", "cargo-zigbuild==0.21.1"];
/** Where it is installed: programs in `bin/`, Python's modules beside them. */
export const zigFolder = path.join(root, ".cache", "zig");

/** Installs Zig and cargo's command for it, unless they are there. */
export function requireZig() {
  if (existsSync(path.join(zigFolder, "bin", "cargo-zigbuild"))) return;
  console.error(`Installing ${TOOLS.join(" and ")}...`);
  mkdirSync(path.dirname(zigFolder), { recursive: true });
  rmSync(zigFolder, { recursive: true, force: true });
  const options = ["--quiet", "--disable-pip-version-check", "--target", zigFolder];
  if (!run("python3", ["-m", "pip", "install", ...options, ...TOOLS])) {
    fail("Zig could not be installed: Python 3 with pip is needed.");
  }
}

/** The symbols that `/usr/lib/libSystem.B.dylib` has on a kind of processor, such as `arm64`, as Apple's list tells. */
export function systemSymbols(processor) {
  requireZig();
  const list = path.join(zigFolder, "ziglang", "lib", "libc", "darwin", "libSystem.tbd");
  const symbols = new Set();
  for (const entry of readFileSync(list, "utf8").split(/^ +- targets:/m)) {
    const targets = /^\s*\[([^\]]*)\]/.exec(entry)?.[1] ?? "";
    if (!targets.split(",").some((target) => target.trim() === `${processor}-macos`)) continue;
    for (const [, names] of entry.matchAll(/\b(?:weak-|thread-local-)?symbols:\s*\[([^\]]*)\]/g)) {
      for (const name of names.split(",")) symbols.add(name.trim().replace(/^'(.*)'$/, "$1"));
    }
  }
  return symbols;
}
