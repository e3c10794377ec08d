/** What is in a folder that is open nowhere, and that no process needs any more. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";

const namesIn = (folder) => {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
};

/** The files that killed processes have left behind, relative to the folder. */
export function leftIn(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const { currentSnapshot, activeOps, activeAgentOps = {}, previousOps, superseded = [] } = manifest;
  const snapshots = [currentSnapshot, ...superseded.map(([path]) => path)];
  const logs = [activeOps, previousOps ?? "", ...Object.values(activeAgentOps)];
  const indexes = [currentSnapshot, ...logs].map((path) => `index/${basename(path)}.idx`);
  const files = ["", "snapshots", "ops", "archive", "index"].flatMap((part) =>
    namesIn(join(folder, part)).map(({ name }) => (part === "" ? name : `${part}/${name}`)),
  );
  return files.filter((file) => {
    if (/\.tmp$|^\.lock$|^\.compact-lock$/.test(file)) return true;
    if (file.startsWith("snapshots/")) return !snapshots.includes(file);
    // A log with operations is the audit trail, and so is any of a single writer, as in 0.8.1.
    if (file.startsWith("ops/agent-")) return !logs.includes(file) && statSync(join(folder, file)).size === 0;
    return file.endsWith(".idx") && !indexes.includes(file);
  });
}
