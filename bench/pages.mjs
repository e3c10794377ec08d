/** `npm run bench:pages`: makes docs/performance.md and docs/performance/workloads.md anew from what was measured. */
import { requireBenchModules } from "../scripts/setup.mjs";
import { publish } from "./publication.mjs";

requireBenchModules();
await publish();
