/** Runs the checks of one program one after the other and prints a line of JSON for each. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const checks = [];

/**
 * Adds a check. `run` gets a folder of its own, which is kept, under the check's title, if the program was told where
 * (`DATA_FOLDER`). It fails by throwing; what it returns is printed.
 */
export function check(title, run) {
  checks.push({ title, run });
}

async function folderFor(title) {
  const kept = process.env.DATA_FOLDER;
  if (kept === undefined) return mkdtemp(join(tmpdir(), "opslog-dependent-"));
  const folder = join(kept, title);
  await mkdir(folder, { recursive: true });
  return folder;
}

async function runAll() {
  for (const { title, run } of checks) {
    const folder = await folderFor(title);
    let error = null;
    let result;
    try {
      result = await run(folder);
    } catch (caught) {
      error = caught.stack ?? String(caught);
    }
    if (process.env.DATA_FOLDER === undefined) await rm(folder, { recursive: true, force: true });
    process.stdout.write(`${JSON.stringify({ title, error, result })}\n`);
  }
}

// NOTE: a timer, so that a program adds all of its checks before the first one runs.
setTimeout(runAll, 0);
