/**
 * A file that is there whole or not at all: written under a name of its own beside it, and given its name when all of it
 * is on the disk. The program killed, only `<file>.<pid>.tmp` is left, or `<file>.<pid>-<n>.tmp` if that was there.
 */
import { closeSync, fsyncSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";

function ensureFree(path) {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  throw Object.assign(new Error(`${path} exists; --to writes a new file`), { code: "EEXIST", path });
}

/** Creates a file beside another. One that was killed, in a container as process 1 for one, may have had the same number. */
function createTemporary(path) {
  for (let n = 0; ; n++) {
    const temporary = `${path}.${process.pid}${n > 0 ? `-${n}` : ""}.tmp`;
    try {
      return [temporary, openSync(temporary, "wx")];
    } catch (error) {
      if (error.code === "EEXIST") continue;
      // The name that the caller knows is the one to be told.
      error.message = error.message.replace(temporary, path);
      throw Object.assign(error, { path });
    }
  }
}

/** Lets `write` fill a file that must not exist yet, by its descriptor. Returns what that returns. */
export function writeNewFile(path, write) {
  ensureFree(path);
  const [temporary, descriptor] = createTemporary(path);
  try {
    let result;
    try {
      result = write(descriptor);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    ensureFree(path);
    renameSync(temporary, path);
    return result;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
