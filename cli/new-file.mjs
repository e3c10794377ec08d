/**
 * A file that is there whole or not at all: written under a name of its own beside it, and given its name when all of it
 * is on the disk. The program killed, only `<file>.<pid>.tmp` is left.
 */
import { closeSync, fsyncSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";

function ensureFree(path) {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  throw Object.assign(new Error(`EEXIST: file already exists, '${path}'`), { code: "EEXIST", path });
}

/** Lets `write` fill a file that must not exist yet, by its descriptor. Returns what that returns. */
export function writeNewFile(path, write) {
  ensureFree(path);
  const temporary = `${path}.${process.pid}.tmp`;
  const descriptor = openSync(temporary, "wx");
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
