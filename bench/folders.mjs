/** Folders: what is in them, and what they take. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** The paths of all files in a folder and below it. */
export async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The bytes that a folder takes on the disk. */
export async function sizeOnDisk(folder) {
  let bytes = 0;
  for (const file of await filesIn(folder)) {
    const { size, blocks } = await stat(file);
    bytes += blocks === undefined ? size : Math.min(size, blocks * 512);
  }
  return bytes;
}
