/** What a check found, in lines. */
import { join, resolve, sep } from "node:path";
import { paint } from "../terminal/colours.mjs";
import { bytes, count } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { sentence } from "../terminal/sentences.mjs";
import { width } from "../terminal/size.mjs";
import { widthOf, wrap } from "../terminal/text-width.mjs";

/** Names a file the way the folder was named: with a relative path if that was one. */
export function pathIn(folder) {
  const whole = resolve(folder) + sep;
  return (path) => printable(path.startsWith(whole) ? join(folder, path.slice(whole.length)) : path);
}

/** The lines that tell of one damaged place: one, or several where the terminal has no room for it. */
export function damageLines({ path, offset, what, current, remedy }, named) {
  const place = offset === null ? named(path) : `${named(path)}, byte ${offset}`;
  const notes = [current ? null : "not current", remedy === null ? null : "can be repaired"].filter(Boolean);
  const note = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  const text = printable(what);
  if (widthOf(`${place}: ${text}${note}`) <= width)
    return [`${paint("red", place)}: ${text}${paint("dim", note)}`];
  return [
    ...wrap(`${place}:`, width).map((line) => paint("red", line)),
    ...wrap(`${text}${note}`, width - 2).map((line) => `  ${line}`),
  ];
}

/** What was looked at: files, and what all of them hold, also those that are no longer current. */
function checked(report) {
  const held = [
    count(report.records, "record"),
    count(report.operations, "operation"),
    ...(report.archivedRecords > 0 ? [count(report.archivedRecords, "archived record")] : []),
    ...(report.indexEntries > 0 ? [count(report.indexEntries, "index entry", "index entries")] : []),
  ];
  return `checked ${count(report.files, "file")}, ${bytes(report.bytes)}: ${held.join(", ")}, with those of old snapshots and logs`;
}

/** Lines that say all of a report. */
export function* reportLines(report, named, store = null) {
  for (const damage of report.damage) yield* damageLines(damage, named);
  const rest = report.damageCount - report.damage.length;
  if (rest > 0) yield `and ${count(rest, "more place")}`;
  if (store !== null)
    yield* sentence(
      `the store has ${count(store.records, "record")}, and ${count(store.operations, "operation")} since its last checkpoint`,
    );
  yield* sentence(checked(report), { colour: "dim" });
  if (report.advice !== undefined) yield* sentence(printable(report.advice), { colour: "dim" });
  for (const path of report.foreign)
    yield* sentence(`not of the store, left alone: ${named(path)}`, { colour: "dim" });
  if (report.ok) yield paint("green", "nothing is damaged");
  else yield paint("red", `${count(report.damageCount, "place")} damaged`);
}
