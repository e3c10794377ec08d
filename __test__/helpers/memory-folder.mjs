/** Folders in memory where the system has such a place: for tests that open thousands of stores. */
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function fastestPlace() {
  try {
    accessSync("/dev/shm", constants.W_OK | constants.X_OK);
    return "/dev/shm";
  } catch {
    return tmpdir();
  }
}

/** Creates an empty folder; `remove()` removes it. */
export function memoryFolder(prefix = "opslog-") {
  const folder = mkdtempSync(join(fastestPlace(), prefix));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
}
