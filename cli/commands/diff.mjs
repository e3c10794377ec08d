/** `opslog diff`: what became different in one record between two moments. */
import { parseMoment } from "../arguments.mjs";
import { differences } from "../differences.mjs";
import { FAILED } from "../exit-codes.mjs";
import { tell } from "../output.mjs";
import { reading } from "../stores.mjs";
import { paint, printable } from "../style.mjs";

const COLOURS = { "+": "green", "-": "red" };

/** What the record was at a moment: the value after the last change up to there, or before the first one behind it. */
async function valueAt(store, id, moment) {
  for await (const { value } of store.changes({ id, until: moment, reverse: true, limit: 1 }))
    return value ?? null;
  for await (const { before } of store.changes({ id, since: moment, limit: 1 })) return before;
  return store.get(id) ?? null;
}

export const diffCommand = {
  summary: "what became different in a record between two times",
  operands: ["id", "from", "to?"],
  details: [
    "Prints the fields of the record that are different at the two times, the second of which is now if it is left out. Ends",
    "with 1 if nothing is. A time is a day, a time of day in UTC, or how long ago: 90s, 15m, 1h, 7d. With --json: one object",
    "with id, from and to, the values at the two times, null for none.",
  ],
  run({ folder, operands: [id, from, to], values, output }) {
    const moments = [parseMoment(from), to === undefined ? new Date().toISOString() : parseMoment(to)];
    return reading(folder, async (store) => {
      const [before, after] = [await valueAt(store, id, moments[0]), await valueAt(store, id, moments[1])];
      const lines = differences(before, after);
      if (values.json) output.json({ id, from: before, to: after });
      else for (const line of lines) output.line(paint(COLOURS[line[0]] ?? "yellow", printable(line)));
      if (lines.length > 0) return undefined;
      if (!values.json) tell(`opslog: ${printable(id)} is the same at both times`);
      return FAILED;
    });
  },
};
