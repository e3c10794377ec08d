/** The results as Markdown. */
import { show, showTimes, timesBetter, titlesOf } from "./figures.mjs";
import { judge } from "./targets.mjs";

const table = (head, rows) =>
  [head, head.map((_, n) => (n === 0 ? "---" : "---:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");

const outcome = (met) => (met === undefined ? "not measured" : met ? "met" : "**missed**");

function variantTable(workload, results) {
  const titles = titlesOf(workload);
  const subjects = Object.entries(results);
  const measured = subjects.filter(([, { summary }]) => summary);
  const keys = Object.keys(titles).filter((key) => measured.some(([, { summary }]) => key in summary));
  const ours = results.ours?.summary?.[workload.main]?.median;
  const rows = subjects.map(([subject, { summary, absent, failed, runs }]) => {
    const name = subject in (workload.floors ?? {}) ? `_floor: ${subject}_` : subject;
    if (!summary)
      return [name, failed ? "failed" : absent, ...Array.from({ length: keys.length + 1 }, () => "")];
    const main = summary[workload.main]?.median;
    const times =
      ours === undefined || main === undefined ? "" : showTimes(timesBetter(workload.main, ours, main));
    return [name, ...keys.map((key) => (key in summary ? show(summary[key].median) : "")), times, runs];
  });
  return table(["", ...keys.map((key) => titles[key]), "ours against it", "runs"], rows);
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

/** A workload's tables, one for each variant. */
export function workloadReport(workload, found) {
  const parts = [workload.text];
  for (const [variant, results] of Object.entries(found)) {
    parts.push(`**${variant}**`, variantTable(workload, results));
    for (const [subject, { failed }] of Object.entries(results)) {
      if (failed) parts.push(`${subject} failed:\n\n\`\`\`text\n${failed}\n\`\`\``);
    }
  }
  return parts.join("\n\n");
}

export function machineReport({ processor, cores, memoryGb, system, fileSystem, node, packages }) {
  const compared = Object.entries(packages).filter(([, version]) => version !== null);
  return [
    `${processor}, ${cores} cores, ${memoryGb} GB; ${system}, ${fileSystem}; Node ${node}.`,
    `Compared with ${["@backloghq/opslog 0.8.1", ...compared.map((each) => each.join(" "))].join(", ")}.`,
  ].join("\n");
}
