/** What a check found, in lines. */
import { paint } from "../terminal/colours.mjs";
import { bytes, count } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { textWidth, width } from "../terminal/size.mjs";
import { widthOf, wrap } from "../terminal/text-width.mjs";

/** The lines that tell of one damaged place: one, or several where the terminal has no room for it. */
export function damageLines({ path, offset, what, current, remedy }) {
  const place = printable(offset === null ? path : `${path}:${offset}`);
  const notes = [current ? null : "not current", remedy === null ? null : "can be repaired"].filter(Boolean);
  const note = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  const text = printable(what);
  if (widthOf(`${place}: ${text}${note}`) <= width)
    return [`${paint("red", place)}: ${text}${paint("dim", note)}`];
  return [`${paint("red", place)}:`, ...wrap(`${text}${note}`, width - 2).map((line) => `  ${line}`)];
}

/** What was looked at: files, and what all of them hold, also those that are no longer current. */
function checked(report) {
  const held = [
    count(report.records, "record"),
    count(report.operations, "operation"),
    ...(report.archivedRecords > 0 ? [count(report.archivedRecords, "archived record")] : []),
    ...(report.indexEntries > 0 ? [count(report.indexEntries, "index entry", "index entries")] : []),
  ];
  return `checked ${count(report.files, "file")}, ${bytes(report.bytes)}; old snapshots and logs included, they hold ${held.join(", ")}`;
}

/** Lines that say all of a report. */
export function* reportLines(report, store = null) {
  for (const damage of report.damage) yield* damageLines(damage);
  const rest = report.damageCount - report.damage.length;
  if (rest > 0) yield `and ${count(rest, "more place")}`;
  if (store !== null)
    yield `the store has ${count(store.records, "record")}, and ${count(store.operations, "operation")} since its last checkpoint`;
  for (const line of wrap(checked(report), textWidth)) yield paint("dim", line);
  if (report.advice !== undefined)
    for (const line of wrap(printable(report.advice), textWidth)) yield paint("dim", line);
  for (const path of report.foreign) yield paint("dim", `not of the store, left alone: ${printable(path)}`);
  if (report.ok) yield paint("green", "nothing is damaged");
  else yield paint("red", `${count(report.damageCount, "place")} damaged`);
}
