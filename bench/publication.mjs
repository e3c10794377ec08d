/** Makes the pages from what was measured: docs/performance.md, docs/performance/workloads.md with its charts, and the figures in README.md. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { drawChart, drawSummary } from "./charts.mjs";
import { replaceBlock } from "./document.mjs";
import {
  headlineTable,
  inReadme,
  machineReport,
  storeReport,
  targetTable,
  workloadSection,
} from "./report.mjs";
import { loadGroup } from "./floors/groups/index.mjs";
import { groupReport, missedReport } from "./floors/report.mjs";
import { nodesReport, sizeReport } from "./parts.mjs";
import { folder, project, readAll } from "./results.mjs";
import { loadStore, storeNames } from "./stores/index.mjs";
import { comparisons, summaryTable } from "./summary.mjs";
import { loadWorkload, workloadIds } from "./workloads/index.mjs";

async function loadAll(names, load) {
  const loaded = [];
  for (const name of names) loaded.push(await load(name));
  return loaded;
}

/** Puts texts between the markers of a page; what people wrote around them stays. */
async function fill(path, blocks) {
  let page = await readFile(path, "utf8");
  for (const [name, text] of Object.entries(blocks)) page = replaceBlock(page, name, text);
  await writeFile(path, page);
}

const chartName = ({ id }) => `${id.toLowerCase()}.svg`;

async function writeWorkloads(workloads, { results, profiles }) {
  const parts = [
    "# Each workload",
    "`npm run bench` writes this page. [Performance](../performance.md) has its summary, and says how everything is measured.",
    "## Targets",
    targetTable(workloads, results.results),
  ];
  for (const workload of workloads) {
    const { id, title } = workload;
    await writeFile(join(folder, chartName(workload)), await drawChart(workload, results.results[id]));
    const told = { found: results.results[id], origin: results.origins[id], profiles };
    parts.push(workloadSection(workload, told), `![${title}](${chartName(workload)})`);
  }
  await writeFile(join(folder, "workloads.md"), `${parts.join("\n\n")}\n`);
}

/** The groups of floors that were measured. */
async function writeFloors({ groups }) {
  const measured = [];
  for (const [name, found] of Object.entries(groups)) measured.push([await loadGroup(name), found]);
  const blocks = measured.map(([group, found]) => [`floors:${group.of}`, groupReport(group, found)]);
  await fill(join(folder, "floors.md"), Object.fromEntries(blocks));
  return missedReport(measured);
}

export async function publish() {
  const measured = await readAll();
  const { results, machine } = measured.results;
  const workloads = (await loadAll(workloadIds, loadWorkload)).filter(({ id }) => id in results);
  await writeWorkloads(workloads, measured);
  const compared = comparisons(workloads, results);
  await writeFile(join(folder, "summary.svg"), await drawSummary(compared));
  await fill(join(project, "docs/performance.md"), {
    summary: `![Where this package is ahead, and where behind](performance/summary.svg)\n\n${summaryTable(compared)}`,
    machine: machineReport(machine),
    stores: storeReport(await loadAll(storeNames, loadStore)),
    floors: await writeFloors(measured.floors),
    size: sizeReport(measured.size, measured.floors.emptyAddon),
    nodes: nodesReport(workloads, measured),
  });
  const headlines = `${headlineTable(workloads, results, inReadme)}\n\n${machineReport(machine)}`;
  await fill(join(project, "README.md"), { headlines });
}
