/** Writes what was found into docs/, with the charts and the figures themselves, and some of it into the README. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { drawChart } from "./charts.mjs";
import { replaceBlock } from "./document.mjs";
import {
  floorReport,
  headlineTable,
  machineReport,
  storeReport,
  targetTable,
  workloadReport,
} from "./report.mjs";
import { loadStore, storeNames } from "./stores/index.mjs";
import { loadWorkload, workloadIds } from "./workloads/index.mjs";

const docs = fileURLToPath(new URL("../docs/", import.meta.url));
const documentPath = join(docs, "performance.md");
const readmePath = join(docs, "..", "README.md");
// The README has room for some.
const inReadme = ["ours", "original", "lmdb", "better-sqlite3"];
const folder = join(docs, "performance");
const resultsPath = join(folder, "results.json");

const chartName = (workload) => `${workload.id.toLowerCase()}.svg`;

async function readResults() {
  return existsSync(resultsPath) ? JSON.parse(await readFile(resultsPath, "utf8")) : {};
}

async function loadAll(names, load) {
  const loaded = [];
  for (const name of names) loaded.push(await load(name));
  return loaded;
}

async function writeDocument(workloads, results, machine) {
  let document = existsSync(documentPath) ? await readFile(documentPath, "utf8") : "# Performance\n";
  const put = (name, text, heading) => (document = replaceBlock(document, name, text, heading));
  put("machine", machineReport(machine), "## Machine");
  put("stores", storeReport(await loadAll(storeNames, loadStore)), "## Stores");
  put("targets", targetTable(workloads, results), "## Targets");
  for (const workload of workloads) {
    const { id, title } = workload;
    put(id, blockOf(workload, results[id]), `## ${id}. ${title}`);
    const floors = floorReport(workload, results[id]);
    if (floors !== "") put(`${id}-floors`, floors, `### Where the time goes in ${id}`);
    await writeFile(join(folder, chartName(workload)), await drawChart(workload, results[id]));
  }
  await writeFile(documentPath, document);
}

function blockOf(workload, found) {
  const chart = `![${workload.title}](performance/${chartName(workload)})`;
  return `${workloadReport(workload, found)}\n\n${chart}`;
}

/** Takes over the workloads that were measured; those that were not keep what they had. */
export async function publish(measured, machine) {
  await mkdir(folder, { recursive: true });
  const { results: before } = { results: {}, ...(await readResults()) };
  const results = { ...before, ...measured };
  await writeFile(resultsPath, `${JSON.stringify({ machine, results }, null, 1)}\n`);

  const workloads = (await loadAll(workloadIds, loadWorkload)).filter(({ id }) => id in results);
  await writeDocument(workloads, results, machine);
  const readme = await readFile(readmePath, "utf8");
  const headlines = `${headlineTable(workloads, results, inReadme)}\n\n${machineReport(machine)}`;
  await writeFile(readmePath, replaceBlock(readme, "headlines", headlines));
}

/** Takes over where the time goes. */
export async function publishProfiles(table) {
  const document = await readFile(documentPath, "utf8");
  await writeFile(documentPath, replaceBlock(document, "profiles", table, "## Profiles"));
}
