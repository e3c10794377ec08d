/** The addons of the floors: built by cargo, beside the package's own, and loaded by the processes that are measured. */
import { spawnSync } from "node:child_process";
import { copyFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cargoArguments } from "../../scripts/build.mjs";
import { fail, root } from "../../scripts/setup.mjs";

const target = join(root, "target/floors");
export const addonFile = join(target, "floors.node");

function build(crate, args) {
  const manifest = fileURLToPath(new URL(`${crate}Cargo.toml`, import.meta.url));
  const [command, ...rest] = args;
  const { status } = spawnSync("cargo", [command, "--manifest-path", manifest, ...rest], {
    stdio: "inherit",
    env: { ...process.env, CARGO_TARGET_DIR: target },
  });
  if (status !== 0) fail("The addon of the floors does not build.");
}

function libraryOf(name) {
  const names = { linux: `lib${name}.so`, darwin: `lib${name}.dylib`, win32: `${name}.dll` };
  return join(target, "release", names[process.platform]);
}

export function buildFloors() {
  build("", ["build", "--release"]);
  copyFileSync(libraryOf("opslog_floors"), addonFile);
}

/** The bytes of an addon with one empty call, built as the package's is. */
export function emptyAddonBytes() {
  build("empty/", cargoArguments());
  return statSync(libraryOf("opslog_empty")).size;
}

export const loadFloors = () => createRequire(import.meta.url)(addonFile);
