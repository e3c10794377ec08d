/**
 * `npm run bench:quick`: ours beside the published 0.8.1, as a Markdown table. Each store does each workload in
 * a child process and a folder of its own; the two take turns, five times; what is shown are medians.
 *
 *   node bench/quick.mjs --repeat 5 --records 100000 --inserts 20000
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { buildAddon } from "../scripts/build.mjs";
import { requireCargo, requireModules, requireNode } from "../scripts/setup.mjs";

const run = promisify(execFile);
const workloads = fileURLToPath(new URL("workloads.mjs", import.meta.url));
const versions = ["original", "ours"];

const measures = [
  { workload: "insert", key: "insertsPerSecond", title: "inserts per second", higherIsBetter: true },
  { workload: "open", key: "openMs", title: "`open()` of RECORDS records, ms" },
  { workload: "open", key: "openAndReadMs", title: "`open()` and then `entries()`, ms" },
  { workload: "compact", key: "compactMs", title: "`compact()` of RECORDS records, ms" },
  { workload: "compact", key: "longestDelayMs", title: "longest event-loop delay meanwhile, ms" },
];

async function measure(version, workload, folder, count) {
  const { stdout } = await run(process.execPath, [workloads, version, workload, folder, String(count)]);
  return JSON.parse(stdout);
}

/** Runs every workload in turns. Both stores begin with the same files, which 0.8.1 wrote. */
async function measureAll(root, { repeat, records, inserts }) {
  const template = join(root, "template");
  await measure("original", "fill", template, records);
  const results = { original: {}, ours: {} };
  for (let round = 0; round < repeat; round += 1) {
    for (const workload of ["insert", "open", "compact"]) {
      // Whoever comes second may find a warmer machine: they take turns in that as well.
      for (const version of round % 2 === 0 ? versions : versions.toReversed()) {
        const folder = join(root, "store");
        if (workload !== "insert") await cp(template, folder, { recursive: true });
        const found = await measure(version, workload, folder, workload === "insert" ? inserts : records);
        for (const [key, value] of Object.entries(found)) (results[version][key] ??= []).push(value);
        await rm(folder, { recursive: true });
      }
    }
  }
  return results;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function show(value) {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(1);
}

function toRow(results, { key, title, higherIsBetter }, records) {
  const [original, ours] = versions.map((version) => median(results[version][key]));
  const ratio = higherIsBetter ? ours / original : original / ours;
  const name = title.replace("RECORDS", records.toLocaleString("en-US"));
  return `| ${name} | ${show(original)} | ${show(ours)} | ${ratio.toFixed(1)} |`;
}

const { values } = parseArgs({
  options: {
    repeat: { type: "string", default: "5" },
    records: { type: "string", default: "100000" },
    inserts: { type: "string", default: "20000" },
  },
});
const [repeat, records, inserts] = [values.repeat, values.records, values.inserts].map(Number);

requireNode();
requireCargo();
requireModules();
buildAddon();

const root = await mkdtemp(join(tmpdir(), "opslog-bench-"));
try {
  const results = await measureAll(root, { repeat, records, inserts });
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  console.log("| | 0.8.1 | this package | times better |\n|---|---:|---:|---:|");
  for (const row of measures) console.log(toRow(results, row, records));
  console.log(
    `\n${cpus()[0].model.trim()}, ${availableParallelism()} cores, ${gigabytes} GB, ${process.platform}, ` +
      `Node ${process.versions.node}; medians of ${repeat} runs, ${inserts.toLocaleString("en-US")} inserts each.`,
  );
} finally {
  await rm(root, { recursive: true, force: true });
}
