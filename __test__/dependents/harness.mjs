/** Runs the checks of one program one after the other and prints a line of JSON for each. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const checks = [];

/** Adds a check; `run` gets a folder of its own. It fails by throwing. */
export function check(title, run) {
  checks.push({ title, run });
}

async function runAll() {
  for (const { title, run } of checks) {
    const folder = await mkdtemp(join(tmpdir(), "opslog-dependent-"));
    let error = null;
    try {
      await run(folder);
    } catch (caught) {
      error = caught.stack ?? String(caught);
    }
    await rm(folder, { recursive: true, force: true });
    process.stdout.write(`${JSON.stringify({ title, error })}\n`);
  }
}

// NOTE: a timer, so that a program adds all of its checks before the first one runs.
setTimeout(runAll, 0);
