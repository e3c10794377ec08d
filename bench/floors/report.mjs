/** The floors as Markdown: a table for each group, and one of all missed targets. */
import { higherIsBetter, show, showTimes, titlesOf } from "../figures.mjs";
import { table } from "../report.mjs";
import { showOrigin } from "../results.mjs";
import { titleOf } from "../stores/index.mjs";

/** What a figure is as a cost: a rate becomes the time that one takes. */
const costOf = (figure, value) => (higherIsBetter(figure) ? 1e6 / value : value);
const unitOf = (workload, figure) => (higherIsBetter(figure) ? "us each" : titlesOf(workload)[figure]);

const isSame = (one, other) => one.variant === other.variant && one.figure === other.figure;

/** The figures with a target that came to something in this run: the columns of the group's table. */
function columnsOf({ targets }, found) {
  const measured = targets.filter((target) => asked(target, found).cost !== undefined);
  return measured.filter((target, at) => measured.findIndex((other) => isSame(other, target)) === at);
}

/** The cost of one subject, or undefined. */
export function costIn(found, { variant, figure }, subject) {
  const value = found[variant]?.[subject]?.[figure];
  return value === undefined ? undefined : costOf(figure, value);
}

/** What a target asks for: how it is said, and what it came to in the same run. */
function asked(target, found) {
  if (target.atMost !== undefined) return { text: `at most ${show(target.atMost)}`, cost: target.atMost };
  const { than, times, thanVariant = target.variant } = target;
  const other = costIn(found, { ...target, variant: thanVariant }, than);
  const name = titleOf(than);
  return { text: `${showTimes(times)} ${name}`, cost: other === undefined ? undefined : other / times };
}

/** The last floor that has a figure does all that must be done. */
export function floorOf(workload, found, target) {
  const names = Object.keys(workload.floors);
  return names.findLast((name) => costIn(found, target, name) !== undefined);
}

/** More columns than this stand as rows. */
const WIDE = 8;

/** Turns rows into columns. */
const turned = (rows) => rows[0].map((_, at) => rows.map((row) => row[at]));

/** Stores, then floors, then what was asked for: a column for each figure that has a target. */
export function groupReport(workload, { found, repeats, ...origin }) {
  const columns = columnsOf(workload, found);
  const cells = (cost) => columns.map((column) => (cost(column) === undefined ? "" : show(cost(column))));
  const subjects = [...new Set(Object.values(found).flatMap(Object.keys))];
  const isFloor = (name) => name in workload.floors;
  const rowOf = (name) => [
    isFloor(name) ? name : titleOf(name),
    ...cells((column) => costIn(found, column, name)),
  ];
  const stores = subjects.filter((name) => !isFloor(name)).map(rowOf);
  const floors = Object.keys(workload.floors)
    .map(rowOf)
    .filter(([, ...costs]) => costs.some((cell) => cell !== ""));
  const targets = workload.targets
    .map((target) => ({ target, ...asked(target, found) }))
    .filter(({ cost }) => cost !== undefined);
  const wanted = [...new Set(targets.map(({ text }) => text))].map((text) => [
    `_target: ${text}_`,
    ...cells((column) => targets.find((each) => each.text === text && isSame(each.target, column))?.cost),
  ]);
  const head = ["", ...columns.map(({ variant, figure }) => `${variant}: ${unitOf(workload, figure)}`)];
  const rows = [head, ...stores, ...floors, ...wanted];
  const [first, ...rest] = columns.length > WIDE ? turned(rows) : rows;
  return `${showOrigin(origin)}; medians of ${repeats} runs in turns.\n\n${table(first, rest)}`;
}

/** One row for each target that was missed in this run: what was asked for, what was found, and the floor. */
export function missedReport(groups) {
  const rows = groups.flatMap(([workload, { found }]) =>
    workload.targets.flatMap((target) => {
      const { text, cost } = asked(target, found);
      const ours = costIn(found, target, "ours");
      const floor = costIn(found, target, floorOf(workload, found, target));
      if (cost === undefined || ours === undefined || ours <= cost) return [];
      const title = `[${workload.of}](performance/floors.md#${workload.of.toLowerCase()}) ${target.variant}, ${unitOf(workload, target.figure)}`;
      const reach = floor === undefined ? "" : floor > cost ? "**no**" : "yes";
      return [[title, text, show(cost), show(ours), show(floor), reach]];
    }),
  );
  return table(["", "target", "comes to", "this package", "floor", "floor meets it"], rows);
}
