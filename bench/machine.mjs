/** The machine and the versions that a run was made with. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";

function fileSystemOf(folder) {
  try {
    const table = execFileSync("df", ["--output=fstype", folder], { encoding: "utf8", stdio: "pipe" });
    return table.trim().split("\n").at(-1);
  } catch {
    return "an unknown file system";
  }
}

function versionOf(name) {
  const place = name === "opslog-reference" ? "../node_modules/" : "node_modules/";
  try {
    const file = new URL(`${place}${name}/package.json`, import.meta.url);
    return JSON.parse(readFileSync(file, "utf8")).version;
  } catch {
    return null;
  }
}

const packages = ["lmdb", "better-sqlite3", "classic-level", "@seald-io/nedb"];

export function describeMachine(folder) {
  return {
    processor: cpus()[0].model.trim(),
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    fileSystem: fileSystemOf(folder),
    node: process.versions.node,
    packages: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
  };
}
