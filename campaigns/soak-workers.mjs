// `npm run soak:workers [-- <number>]`: so many worker threads (1,000) that write to stores and are terminated in the
// middle. Fails if one loses what it acknowledged, or leaves a descriptor or a thread behind.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runWorkers } from "./workers/run.mjs";

const total = Number(process.argv[2] ?? 1000);
const root = mkdtempSync(path.join(tmpdir(), "opslog-workers-"));
try {
  console.log(JSON.stringify(await runWorkers(total, root, Math.random)));
} finally {
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
