/** Where the bytes of the folder are, and when the files were written. */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { explained } from "../requests/errors.mjs";

/** A folder with more files than this is not listed to its end. */
const MOST_FILES = 20_000;
const MOST_LISTED = 200;
const MOST_POINTS = 240;

/** Files below a folder, with their sizes and times; what goes away meanwhile is left out. */
export async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .slice(0, MOST_FILES)
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        const { size, mtimeMs } = await stat(name);
        return {
          path: path.relative(folder, name).replaceAll("\\", "/"),
          bytes: size,
          writtenAt: Math.round(mtimeMs),
        };
      } catch {
        return null;
      }
    }),
  );
  return found.filter((file) => file !== null);
}

/** The bytes that there are, by the time at which their files were written last: at most so many points. */
function growthOf(files) {
  const inOrder = [...files].sort((one, other) => one.writtenAt - other.writtenAt);
  const step = Math.max(1, Math.ceil(inOrder.length / MOST_POINTS));
  let bytes = 0;
  const points = [];
  inOrder.forEach((file, n) => {
    bytes += file.bytes;
    if (n % step === step - 1 || n === inOrder.length - 1) points.push([file.writtenAt, bytes]);
  });
  return points;
}

export class Space {
  #folder;
  #followed;

  constructor(folder, followed) {
    this.#folder = folder;
    this.#followed = followed;
  }

  async summary() {
    const { store } = this.#followed;
    const [usage, files, prunable] = await Promise.all([
      store.usage(),
      filesOf(this.#folder),
      store.prune({ dryRun: true }).catch((error) => ({ error: explained(error) })),
    ]);
    const largest = [...files].sort((one, other) => other.bytes - one.bytes);
    return {
      usage,
      prunable,
      growth: growthOf(files),
      files: largest.slice(0, MOST_LISTED),
      fileCount: files.length,
      isWhole: files.length < MOST_FILES,
    };
  }
}
