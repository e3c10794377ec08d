/** What a check found, in lines. */
import { count, bytes, paint, printable } from "./style.mjs";

export function damageLine({ path, offset, what, current, remedy }) {
  const place = offset === null ? path : `${path}:${offset}`;
  const notes = [current ? null : "not current", remedy === null ? null : "can be repaired"].filter(Boolean);
  const note = notes.length === 0 ? "" : paint("dim", ` (${notes.join(", ")})`);
  return `${paint("red", printable(place))}: ${printable(what)}${note}`;
}

/** Lines that say all of a report. */
export function* reportLines(report) {
  for (const damage of report.damage) yield damageLine(damage);
  const rest = report.damageCount - report.damage.length;
  if (rest > 0) yield `and ${count(rest, "more place")}`;
  const checked = [
    count(report.files, "file"),
    bytes(report.bytes),
    count(report.records, "record"),
    count(report.operations, "operation"),
    count(report.indexEntries, "index entr").replace(/entr(s?)$/, (_, many) => (many ? "entries" : "entry")),
  ];
  yield paint("dim", `checked ${checked.join(", ")}`);
  if (report.advice !== undefined) yield paint("dim", report.advice);
  for (const path of report.foreign) yield paint("dim", `not of the store, left alone: ${printable(path)}`);
  if (report.ok) yield paint("green", "nothing is damaged");
  else yield paint("red", `${count(report.damageCount, "place")} damaged`);
}
