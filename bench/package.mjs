/** What is measured of this package is what its users install: its JavaScript in one file, as it is published, beside the binary. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bundleFacade } from "../scripts/package/facade.mjs";
import { root } from "../scripts/setup.mjs";
import { folder as place } from "./stores/published.mjs";

const { platformTriple } = createRequire(import.meta.url)("../lib/native/index.js");
const folder = fileURLToPath(place);

let isMade = false;

/** Makes it from the files of the project as they are now, once in a process. */
export function makePackage() {
  if (isMade) return;
  const binary = path.join("native", `opslog.${platformTriple()}.node`);
  mkdirSync(path.join(folder, "native"), { recursive: true });
  for (const name of ["index.mjs", "package.json"])
    copyFileSync(path.join(root, name), path.join(folder, name));
  for (const [name, text] of Object.entries(bundleFacade().files))
    writeFileSync(path.join(folder, name), text);
  const [from, to] = [path.join(root, binary), path.join(folder, binary)];
  // NOTE: what another process has loaded must not be written to.
  if (!existsSync(to) || !readFileSync(from).equals(readFileSync(to))) {
    rmSync(to, { force: true });
    copyFileSync(from, to);
  }
  isMade = true;
}
