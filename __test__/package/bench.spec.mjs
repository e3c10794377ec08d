/** The benchmark's driver: it measures in processes of their own, and its report says what was found. */
import { readFile, readdir } from "node:fs/promises";
import test from "ava";
import { chartOf } from "../../bench/charts.mjs";
import { replaceBlock } from "../../bench/document.mjs";
import { titlesOf } from "../../bench/figures.mjs";
import { Fixtures } from "../../bench/fixtures.mjs";
import { measureWorkload } from "../../bench/measurement.mjs";
import { groupNames, loadGroup } from "../../bench/floors/groups/index.mjs";
import { costIn, floorOf, groupReport, missedReport } from "../../bench/floors/report.mjs";
import { nodesReport, sizeReport } from "../../bench/parts.mjs";
import {
  floorReport,
  headlineTable,
  inReadme,
  machineReport,
  targetTable,
  workloadReport,
  workloadSection,
} from "../../bench/report.mjs";
import { readAll } from "../../bench/results.mjs";
import { ownStores } from "../../bench/stores/index.mjs";
import { comparisons, rows, summaryTable } from "../../bench/summary.mjs";
import { judge } from "../../bench/targets.mjs";
import { loadWorkload, workloadIds } from "../../bench/workloads/index.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const small = { name: "small", bytes: 180, records: 500 };

test("measureWorkload(), a small workload, has figures of both stores and the floor, and leaves nothing behind", async (t) => {
  const gets = await loadWorkload("W7");
  const workload = {
    ...gets,
    variants: [small],
    headlines: [],
    targets: gets.targets.map((target) => ({ ...target, variant: "small" })),
  };
  const root = await temporaryFolder(t);
  const fixtures = new Fixtures(await temporaryFolder(t));
  const measured = [];
  const progress = (line) => measured.push(line);
  const found = await measureWorkload({ workload, repeats: 2, stores: ownStores, root, fixtures, progress });

  t.deepEqual(Object.keys(found.small), ["ours", "original", "Map.get"]);
  t.is(measured.length, 6);
  for (const [subject, { summary, runs }] of Object.entries(found.small)) {
    t.is(runs, 2, subject);
    t.true(summary.perSecond.median > 0, subject);
    t.true(summary.peakMemoryMb.least > 1, subject);
  }
  t.true(found.small.ours.summary.firstLookUs.median > 0);
  t.deepEqual(await readdir(root), []);

  const report = workloadReport(workload, found);
  t.regex(report, /^\| this package \| [\d,]+ \|.*\| 2 \|$/m);
  t.regex(report, /^\| 0\.8\.1 \| [\d,]+ \|.*x \| 2 \|$/m);
  t.regex(report, /^\| _floor: Map\.get_ \| [\d,]+ \|/m);
  t.regex(floorReport(workload, found), /^- small: one [\d.]+ us; floors: Map\.get [\d.]+ us\.$/);
  t.regex(targetTable([workload], { W7: found }), /\| (met|\*\*missed\*\*) \|$/m);
  const [panel] = chartOf(workload, found).vconcat;
  t.deepEqual(
    panel.data.values.map(({ subject }) => subject),
    ["this package", "0.8.1", "Map.get"],
  );
});

test("measureWorkload(), a store that cannot do it and one that fails, says so in their rows", async (t) => {
  const inserts = await loadWorkload("W2");
  const workload = { ...inserts, floors: {}, variants: [{ name: "small", bytes: 180 }], fixture: undefined };
  const common = {
    root: await temporaryFolder(t),
    fixtures: new Fixtures(await temporaryFolder(t)),
    progress() {},
  };
  const absent = await measureWorkload({ workload, repeats: 1, stores: ["original"], ...common });
  t.is(absent.small.original.absent, "it never syncs");
  t.regex(workloadReport(workload, absent), /^\| 0\.8\.1 \| it never syncs \|/m);

  const broken = { ...workload, id: "W9b", variants: [{ name: "impossible", records: 7 }] };
  const failed = await measureWorkload({ workload: broken, repeats: 1, stores: ["ours"], ...common });
  t.regex(failed.impossible.ours.failed, /count\(\) is 0/);
  t.regex(workloadReport(broken, failed), /^\| this package \| failed \|/m);
});

test("judge(), figures on both sides of a target, tells met from missed from not measured", (t) => {
  const figures = (perSecond, loopDelayMs) => ({
    summary: { perSecond: { median: perSecond }, loopDelayMs: { median: loopDelayMs } },
  });
  const found = { a: { ours: figures(200, 10), original: figures(100, 40) }, b: { ours: figures(300, 5) } };
  const verdict = (target) =>
    judge({ main: "perSecond", targets: [target] }, found).map(({ found: text, met }) => [text, met]);
  const rate = { variant: "a", figure: "perSecond" };
  const delay = { variant: "a", figure: "loopDelayMs" };
  t.deepEqual(verdict({ ...rate, times: 2, than: "original" }), [["2.00x", true]]);
  t.deepEqual(verdict({ ...rate, times: 2.1, than: "original" }), [["2.00x", false]]);
  t.deepEqual(verdict({ ...delay, times: 4, than: "original" }), [["4.00x", true]]);
  t.deepEqual(verdict({ ...delay, atMost: 9 }), [["10.0", false]]);
  t.deepEqual(verdict({ ...rate, atLeast: 200 }), [["200", true]]);
  t.deepEqual(verdict({ ...rate, times: 0.6, than: "ours", thanVariant: "b" }), [["0.67x", true]]);
  t.deepEqual(verdict({ ...rate, times: 2, than: "lmdb" }), [["-", undefined]]);
  t.deepEqual(verdict({ ...rate, variant: "not run", atMost: 1 }), []);
});

test("replaceBlock(), a document that people wrote in, changes what is between the markers only", (t) => {
  const before = "# A\n\n<!-- measured:x -->\n\nold\n\n<!-- /measured:x -->\n\nBy hand.\n";
  const after = replaceBlock(before, "x", "new");
  t.is(after, before.replace("old", "new"));
  t.is(replaceBlock(after, "x", "new"), after);
  t.throws(() => replaceBlock("# A\n", "y", "new"), { message: /measured:y.* are missing/ });
});

test("every workload, its targets and headlines, name variants and figures that it has", async (t) => {
  for (const id of workloadIds) {
    const workload = await loadWorkload(id);
    t.is(workload.id, id);
    const names = new Set(workload.variants.map(({ name }) => name));
    t.is(names.size, workload.variants.length, id);
    for (const { variant, thanVariant = variant } of [...workload.targets, ...(workload.headlines ?? [])]) {
      t.true(names.has(variant) && names.has(thanVariant), `${id} ${variant} ${thanVariant}`);
    }
    const others = new Set([...workload.stores, ...Object.keys(workload.floors ?? {})]);
    for (const { than } of workload.targets) t.true(than === undefined || others.has(than), `${id} ${than}`);
  }
});

test("every row of the summary, names a workload, a variant and a figure that it has", async (t) => {
  for (const [id, variant, figure] of rows) {
    const workload = await loadWorkload(id);
    t.true(
      workload.variants.some(({ name }) => name === variant),
      `${id} ${variant}`,
    );
    t.true(figure in titlesOf(workload), `${id} ${figure}`);
  }
});

test("comparisons(), several peers, takes the best of each, whichever way is better", async (t) => {
  const figures = (perSecond) => ({ summary: { perSecond: { median: perSecond } } });
  const found = { ours: figures(200), original: figures(10), lmdb: figures(400), nedb: figures(100) };
  const workloads = [await loadWorkload("W1")];
  const [compared] = comparisons(workloads, {
    W1: { "180 B": { ...found, "JSON.stringify": figures(9999) } },
  });
  t.like(compared, { id: "W1", ours: 200, peer: { name: "lmdb", value: 400, times: 0.5 }, original: 20 });
  t.regex(summaryTable([compared]), /\| 200 \| 400 \| lmdb \| \*\*0\.50x\*\* \| 20\.0x \|$/);
});

test("docs/performance/workloads.md, is made from the figures that are kept", async (t) => {
  const page = await readFile(new URL("../../docs/performance/workloads.md", import.meta.url), "utf8");
  const { results, profiles } = await readAll();
  for (const [id, found] of Object.entries(results.results)) {
    const section = workloadSection(await loadWorkload(id), { found, origin: results.origins[id], profiles });
    t.true(page.includes(section), `${id}: \`npm run bench:pages\` makes the page anew`);
  }
});

const measuredGroups = ({ groups }) =>
  Promise.all(Object.entries(groups).map(async ([name, found]) => [await loadGroup(name), found]));

test("docs/performance/floors.md, is made from the figures that are kept", async (t) => {
  const page = await readFile(new URL("../../docs/performance/floors.md", import.meta.url), "utf8");
  for (const [group, found] of await measuredGroups((await readAll()).floors))
    t.true(
      page.includes(groupReport(group, found)),
      `${group.of}: \`npm run bench:pages\` makes the page anew`,
    );
});

test("every group of floors, has figures, variants and stores of its workload", async (t) => {
  for (const name of groupNames) {
    const group = await loadGroup(name);
    const workload = await loadWorkload(name);
    t.true(group.targets.length > 0, name);
    for (const { name: variant, floors = [], stores = group.stores } of group.variants) {
      t.true(
        workload.variants.some((each) => each.name === variant),
        `${name} ${variant}`,
      );
      for (const floor of floors) t.true(floor in group.floors, `${name} ${floor}`);
      for (const store of stores) t.false(store in group.floors, `${name} ${store}`);
    }
  }
});

test("every target that was missed, has a floor that was measured beside it", async (t) => {
  const { results, floors } = await readAll();
  const without = [];
  for (const [id, found] of Object.entries(results.results)) {
    const workload = await loadWorkload(id);
    for (const target of workload.targets) {
      const [judged] = judge({ ...workload, targets: [target] }, found);
      // A store that is half in the log has the floor of one that is in it.
      if (judged?.met !== false || target.variant.endsWith(", both")) continue;
      const group = groupNames.includes(id) ? await loadGroup(id) : undefined;
      const measured = floors.groups[id]?.found ?? {};
      const floor = group && floorOf(group, measured, target);
      if (floor === undefined || costIn(measured, target, "ours") === undefined)
        without.push(`${id} ${judged.title}`);
    }
  }
  t.deepEqual(without, []);
});

test("docs/performance.md and README.md, are made from the figures that are kept", async (t) => {
  const measured = await readAll();
  const { results, floors, size } = measured;
  const workloads = await Promise.all(Object.keys(results.results).map(loadWorkload));
  workloads.sort((one, other) => workloadIds.indexOf(one.id) - workloadIds.indexOf(other.id));
  const machine = machineReport(results.machine);
  const blocks = {
    "docs/performance.md": [
      summaryTable(comparisons(workloads, results.results)),
      machine,
      missedReport(await measuredGroups(floors)),
      sizeReport(size, floors.emptyAddon),
      nodesReport(workloads, measured),
    ],
    "README.md": [headlineTable(workloads, results.results, inReadme), machine],
  };
  for (const [name, texts] of Object.entries(blocks)) {
    const page = await readFile(new URL(`../../${name}`, import.meta.url), "utf8");
    for (const text of texts)
      t.true(page.includes(text), `${name}: \`npm run bench:pages\` makes the page anew`);
  }
});
