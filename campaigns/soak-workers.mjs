// `npm run soak:workers [-- --workers 1000]`: worker threads that write to stores and are terminated in the middle. Fails
// if one loses what it acknowledged, or leaves a descriptor or a thread behind.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { fail } from "../scripts/setup.mjs";
import { runWorkers } from "./workers/run.mjs";

const { values } = parseArgs({ options: { workers: { type: "string", default: "1000" } } });
const total = Number(values.workers);
if (!Number.isInteger(total) || total < 1) fail("--workers must be a whole number above 0.");
const root = mkdtempSync(path.join(tmpdir(), "opslog-workers-"));
try {
  console.log(JSON.stringify(await runWorkers(total, root, Math.random)));
} finally {
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
