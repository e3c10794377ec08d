/** `opslog diff`: what became different in one record between two moments. */
import { TIMES, parseMoment } from "../arguments/moments.mjs";
import { FAILED } from "../exit-codes.mjs";
import { complain } from "../output.mjs";
import { differences } from "../records/differences.mjs";
import { reading } from "../stores.mjs";
import { paint } from "../terminal/colours.mjs";
import { printable } from "../terminal/printable.mjs";
import { width } from "../terminal/size.mjs";
import { wrap } from "../terminal/text-width.mjs";

const COLOURS = { "+": "green", "-": "red" };

/** What the record was at a moment: the value after the last change up to there, or before the first one behind it. */
async function valueAt(store, id, moment) {
  for await (const { value } of store.changes({ id, until: moment, reverse: true, limit: 1 }))
    return value ?? null;
  for await (const { before } of store.changes({ id, since: moment, limit: 1 })) return before;
  return store.get(id) ?? null;
}

/** Prints differences in full: what takes more than a line goes on in the next. */
export function printDifferences(output, lines) {
  for (const text of lines)
    for (const line of wrap(printable(text), width)) output.line(paint(COLOURS[text[0]] ?? "magenta", line));
}

export const diffCommand = {
  summary: "show what changed in a record between two times",
  operands: ["id", "from", "to?"],
  details: [
    "Prints the fields that differ between the two times; the second one is now if it is left out. Exits with 1 if nothing differs.",
    TIMES,
    "With --json: one object with id, from and to: the values at the two times, null if there was no record.",
  ],
  examples: ["diff ./data task-1 7d", "diff ./data task-1 2026-01-01 2026-02-01"],
  run({ folder, operands: [id, from, to], values, output }) {
    const moments = [parseMoment(from), to === undefined ? new Date().toISOString() : parseMoment(to)];
    return reading(folder, async (store) => {
      const [before, after] = [await valueAt(store, id, moments[0]), await valueAt(store, id, moments[1])];
      const lines = differences(before, after);
      if (values.json) output.json({ id, from: before, to: after });
      else printDifferences(output, lines);
      if (lines.length > 0) return undefined;
      if (!values.json) complain(`${id} is the same at both times`);
      return FAILED;
    });
  },
};
