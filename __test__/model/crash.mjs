/** What a dead process leaves behind: a copy of its folder, taken at once. */
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A pid that no process can have. */
const deadPid = "2147483646";

/**
 * Copies the folder as it is, the manifest first: whatever a checkpoint in the background does meanwhile,
 * the files that this manifest names are whole. The lock is removed, or left as a dead process's.
 */
export function crashImage(from, to, { lock }) {
  cpSync(join(from, "manifest.json"), join(to, "manifest.json"));
  for (const name of readdirSync(from)) {
    if (name !== "manifest.json") cpSync(join(from, name), join(to, name), { recursive: true });
  }
  rmSync(join(to, ".lock"), { force: true });
  if (lock === "left") writeFileSync(join(to, ".lock"), deadPid);
  if (!existsSync(join(to, "manifest.json"))) throw new Error("the folder that crashed had no manifest");
}
