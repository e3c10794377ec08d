/**
 * `npm run bench`: every store does every workload, in processes and folders of its own, in turns; what is shown
 * are medians. A full run writes docs/performance/results.json and the pages made from it, any other prints its tables.
 *
 *   npm run bench -- --quick                     once each, without the largest sizes
 *   npm run bench -- --only W1,W9                these workloads
 *   npm run bench -- --stores ours,lmdb          these stores
 *   npm run bench -- --fixtures /some/folder     keep the folders that workloads begin with, and use them again
 *   npm run bench -- --repeats 3                 this often, instead of five times
 *   npm run bench -- --only W1 --write           take these over into docs/
 *   npm run bench -- --node 26                   on another Node than the newest with long-term support; or "current".
 *                                                What it writes stands in a table of its own
 */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildAddon } from "../scripts/build.mjs";
import { fail, requireCargo, requireModules, requireNode } from "../scripts/setup.mjs";
import { killChildren } from "./children.mjs";
import { Fixtures } from "./fixtures.mjs";
import { describeMachine } from "./machine.mjs";
import { measureWorkload } from "./measurement.mjs";
import { machineReport, targetTable, workloadReport } from "./report.mjs";
import { publish } from "./publication.mjs";
import { keep, origin, readAll } from "./results.mjs";
import { goOnWith, isUsualNode, requirePeers } from "./runtime.mjs";
import { ownStores, storeNames } from "./stores/index.mjs";
import { loadWorkload, workloadIds } from "./workloads/index.mjs";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    stores: { type: "string" },
    fixtures: { type: "string" },
    repeats: { type: "string" },
    write: { type: "boolean" },
    node: { type: "string" },
  },
});
goOnWith(values.node);

function chosen(given, all, what) {
  if (given === undefined) return all;
  const names = given.split(",");
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0) fail(`Unknown ${what} ${unknown.join(", ")}; there are ${all.join(", ")}.`);
  return all.filter((name) => names.includes(name));
}

/** Workloads that were not measured keep what they had. */
async function takeOver(found, machine) {
  const { results: before, nodes } = await readAll();
  if (!isUsualNode()) {
    const [major] = process.versions.node.split(".");
    const results = { ...nodes[major]?.results, ...found };
    await keep("nodes", { [major]: { ...origin(), results } });
    return publish();
  }
  const origins = Object.fromEntries(Object.keys(found).map((id) => [id, origin()]));
  await keep("results", {
    machine,
    origins: { ...before.origins, ...origins },
    results: { ...before.results, ...found },
  });
  return publish();
}

const ids = chosen(values.only, workloadIds, "workload(s)");
const stores = chosen(values.stores, storeNames, "store(s)");
const isFull = !values.quick && ids.length === workloadIds.length && stores.length === storeNames.length;
const writes = values.write ?? isFull;
const repeats = values.repeats === undefined ? undefined : Number(values.repeats);

requireNode();
requireCargo();
requireModules();
buildAddon();
if (writes || stores.some((name) => !ownStores.includes(name))) requirePeers(stores);

const root = await mkdtemp(join(tmpdir(), "opslog-bench-"));
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    killChildren();
    rmSync(root, { recursive: true, force: true });
    process.exit(1);
  });
}
try {
  const place = values.fixtures ?? join(root, "fixtures");
  await mkdir(place, { recursive: true });
  const fixtures = new Fixtures(place);
  const progress = (line) => console.error(line);
  const workloads = [];
  const results = {};
  for (const id of ids) {
    const workload = await loadWorkload(id);
    workloads.push(workload);
    const started = performance.now();
    results[id] = await measureWorkload({
      workload,
      quick: values.quick,
      repeats,
      stores,
      root,
      fixtures,
      progress,
    });
    progress(`${id} took ${Math.round((performance.now() - started) / 1000)} s`);
    console.log(`\n## ${id}. ${workload.title}\n\n${workloadReport(workload, results[id])}`);
  }
  const machine = describeMachine(root);
  console.log(`\n## Targets\n\n${targetTable(workloads, results)}\n\n${machineReport(machine)}`);
  if (writes) await takeOver(results, machine);
} finally {
  await rm(root, { recursive: true, force: true });
}
