/** The results as Markdown. */
import { show, showTimes, timesBetter, titlesOf } from "./figures.mjs";
import { titleOf } from "./stores/index.mjs";
import { showOrigin } from "./results.mjs";
import { judge } from "./targets.mjs";

export const table = (head, rows) =>
  [head, head.map((_, n) => (n === 0 ? "---" : "---:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");

const outcome = (met) => (met === undefined ? "not measured" : met ? "met" : "**missed**");

function rowOf(workload, keys, [subject, { summary, absent, failed, runs }], ours) {
  const name = subject in (workload.floors ?? {}) ? `_floor: ${subject}_` : titleOf(subject);
  if (!summary) return [name, failed ? "failed" : absent, ...keys.map(() => "")];
  const main = summary[workload.main]?.median;
  const known = ours !== undefined && main !== undefined && subject !== "ours";
  const times = known ? showTimes(timesBetter(workload.main, ours, main)) : "";
  return [name, ...keys.map((key) => (key in summary ? show(summary[key].median) : "")), times, runs];
}

function variantTable(workload, results) {
  const titles = titlesOf(workload);
  const subjects = Object.entries(results);
  const measured = subjects.filter(([, { summary }]) => summary);
  const keys = Object.keys(titles).filter((key) => measured.some(([, { summary }]) => key in summary));
  const ours = results.ours?.summary?.[workload.main]?.median;
  const rows = subjects.map((subject) => rowOf(workload, keys, subject, ours));
  return table(["", ...keys.map((key) => titles[key]), "ours is better", "runs"], rows);
}

/** The targets of some workloads in one table. */
export function targetTable(workloads, results) {
  const rows = workloads.flatMap((workload) =>
    judge(workload, results[workload.id] ?? {}).map(({ title, wanted, found, met }) => [
      `${workload.id} ${title}`,
      wanted,
      found,
      outcome(met),
    ]),
  );
  return table(["", "target", "found", ""], rows);
}

/** The error in what a process printed at its end, without the places in files of the machine. */
const errorOf = (failed) => /^\w*Error: .+$/m.exec(failed)?.[0] ?? failed.split("\n", 1)[0];

/** The stores of the table in README.md, which has room for some. */
export const inReadme = ["ours", "original", "lmdb", "better-sqlite3"];

/** A few figures of each workload, for the README. */
export function headlineTable(workloads, results, stores) {
  const rows = workloads.flatMap(({ id, headlines = [] }) =>
    headlines
      .filter(({ variant }) => results[id]?.[variant])
      .map(({ variant, figure, title }) => {
        const median = (store) => results[id][variant][store]?.summary?.[figure]?.median;
        return [title, ...stores.map((store) => (median(store) === undefined ? "" : show(median(store))))];
      }),
  );
  return table(["", ...stores.map(titleOf)], rows);
}

/** How long a call takes; a rate is turned into that. */
const costOf = (key, value) => (key === "perSecond" ? `${show(1e6 / value)} us` : show(value));

/** What ours takes beside each floor, for each variant. */
export function floorReport(workload, found) {
  const { main, floors = {} } = workload;
  const lines = Object.entries(found).map(([variant, results]) => {
    const ours = results.ours?.summary?.[main]?.median;
    const beside = Object.keys(floors)
      .filter((floor) => results[floor]?.summary?.[main])
      .map((floor) => `${floor} ${costOf(main, results[floor].summary[main].median)}`);
    if (ours === undefined || beside.length === 0) return "";
    const unit = main === "perSecond" ? "one" : titlesOf(workload)[main];
    return `- ${variant}: ${unit} ${costOf(main, ours)}; floors: ${beside.join(", ")}.`;
  });
  return lines.filter((line) => line !== "").join("\n");
}

/** A workload's tables, one for each variant. */
export function workloadReport(workload, found) {
  const parts = [workload.text];
  for (const [variant, results] of Object.entries(found)) {
    parts.push(`**${variant}**`, variantTable(workload, results));
    for (const [subject, { failed }] of Object.entries(results)) {
      if (failed) parts.push(`${titleOf(subject)} failed: \`${errorOf(failed)}\`.`);
    }
  }
  return parts.join("\n\n");
}

/** Where the time of this package goes in a workload: its floors, its profile, and what is to be said of them. */
function timeReport(workload, found, profiles) {
  const rows = workload.variants
    .map(({ name }) => [name, profiles[`${workload.id} ${name}`]])
    .filter(([, profile]) => profile)
    .map(([name, { shares, functions }]) => [
      name,
      ...Object.values(shares).map((share) => `${Math.round(share)} %`),
      functions.map((each) => `\`${each.name}\` ${each.percent.toFixed(1)} %`).join(", "),
    ]);
  const layers = Object.keys(Object.values(profiles)[0]?.shares ?? {});
  const head = ["samples", ...layers, "largest native functions"];
  return [workload.note, floorReport(workload, found), rows.length > 0 ? table(head, rows) : ""];
}

/** All that is to be said of a workload. */
export function workloadSection(workload, { found, origin, profiles }) {
  const { id, title } = workload;
  const parts = [
    `## ${id}`,
    `**${title}.** ${workloadReport(workload, found)}`,
    ...timeReport(workload, found, profiles),
    `Measured with ${showOrigin(origin)}.`,
  ];
  return parts.filter((part) => part).join("\n\n");
}

export function machineReport({ processor, cores, memoryGb, system, fileSystem, node, packages }) {
  const compared = Object.entries(packages).filter(([, version]) => version !== null);
  return [
    `${processor}, ${cores} cores, ${memoryGb} GB; ${system}, ${fileSystem}; Node ${node}.`,
    `Compared with ${["@backloghq/opslog 0.8.1", ...compared.map((each) => each.join(" "))].join(", ")}.`,
  ].join("\n");
}

/** The settings of each store, from its adapter. */
export function storeReport(stores) {
  return stores.map(({ name, description }) => `- ${titleOf(name)}: ${description}`).join("\n");
}
