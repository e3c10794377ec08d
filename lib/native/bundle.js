"use strict";

// Where a program that was bundled, or packed into one executable, may have the binary. There the package's own folder
// is gone: what is known is the program's.

const builtins = require("../platform/builtins");
const { fs, path, process } = builtins;

const NAME = "@backloghq/opslog";
/** Where this file is in a clone. What is published is one file beside package.json. */
const IN_CLONE = path.join("lib", "native", "bundle.js");

/** The folder that would be the package's if this file is not in a bundle; `undefined` where no file is known. */
function thisFolder() {
  if (typeof __filename !== "string") return undefined;
  return __filename.endsWith(IN_CLONE) ? __filename.slice(0, -IN_CLONE.length) : path.dirname(__filename);
}

/** The package's folder; `undefined` in a bundle. */
function ownFolder() {
  const folder = thisFolder();
  if (folder === undefined) return undefined;
  try {
    const { name } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
    return name === NAME ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** Where a file of the package would be. */
function besideThis(name) {
  const folder = thisFolder();
  return folder === undefined ? undefined : path.join(folder, name);
}

/** The folders of the program that runs, and of the executable that runs it. */
function besideProgram() {
  const files = [process.argv[1], process.execPath].filter((file) => typeof file === "string");
  // Node does not make the name of a program absolute that runs from a startup snapshot.
  return [...new Set(files.map((file) => path.dirname(path.resolve(file))))];
}

/** Node's own way to have files in an executable; `undefined` where there is none, or this is no such executable. */
function executable() {
  const sea = process.getBuiltinModule?.("node:sea");
  return sea?.isSea() === true && typeof sea.getRawAsset === "function" ? sea : undefined;
}

/**
 * A function that writes an asset of a single executable to a file and returns its path; `undefined` if there is no such
 * asset. The system loads libraries from files only, so this is done at each start, in a folder of this process.
 */
function asset(name) {
  const sea = executable();
  if (sea === undefined) return undefined;
  let content;
  try {
    content = sea.getRawAsset(name);
  } catch {
    return undefined;
  }
  return () => {
    // NOTE: few programs need that module, and all that open a store come by here.
    const folder = fs.mkdtempSync(path.join(builtins.os.tmpdir(), "opslog-"));
    const file = path.join(folder, name);
    fs.writeFileSync(file, new Uint8Array(content), { mode: 0o700 });
    process.once("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
    return file;
  };
}

module.exports = { asset, besideProgram, besideThis, ownFolder };
