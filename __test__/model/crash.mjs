/** What a dead process leaves behind: a copy of its folder, taken at once. */
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A pid that no process can have. */
const deadPid = "2147483646";

/**
 * Copies the folder as it is, the manifest first: whatever a checkpoint in the background does meanwhile,
 * the files that this manifest names are whole. The lock is removed, or left as a dead process's.
 */
export function crashImage(from, to, { lock }) {
  mkdirSync(to, { recursive: true });
  copyFileSync(join(from, "manifest.json"), join(to, "manifest.json"));
  copyFolder(from, to);
  rmSync(join(to, ".lock"), { force: true });
  if (lock === "left") writeFileSync(join(to, ".lock"), deadPid);
}

function copyFolder(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.name === "manifest.json") continue;
    const path = join(from, entry.name);
    if (entry.isDirectory()) copyFolder(path, join(to, entry.name));
    else copyFile(path, join(to, asOfTheDead(entry.name)));
  }
}

/** Temporaries carry the pid of their process, which is this one and alive. */
function asOfTheDead(name) {
  return name.replace(`.${process.pid}-`, `.${deadPid}-`);
}

function copyFile(from, to) {
  try {
    copyFileSync(from, to);
  } catch (error) {
    // A temporary that a checkpoint renamed meanwhile: this manifest does not name it.
    if (error.code !== "ENOENT") throw error;
  }
}
