/** `opslog at`: the records as they were at an earlier time. */
import { parsePlace } from "../arguments.mjs";
import { FAILED } from "../exit-codes.mjs";
import { jsonText, tell } from "../output.mjs";
import { reading } from "../stores.mjs";
import { Table, count, paint, printable, shown } from "../style.mjs";

function showOne(view, id, json, output) {
  if (!view.has(id)) {
    tell(
      json
        ? jsonText({ error: { code: "OPSLOG_NOT_FOUND", message: `Record '${id}' not found` } })
        : `opslog: there was no record ${printable(id)}`,
    );
    return FAILED;
  }
  for (const line of jsonText(view.get(id), json ? 0 : 2).split("\n"))
    output.line(json ? line : printable(line));
  return undefined;
}

function showAll(view, json, output) {
  const table = new Table(output, ["id", "record"]);
  for (const id of view.keys()) {
    const data = view.get(id);
    if (json) output.json({ id, data });
    else table.row(printable(id), shown(data));
  }
  table.flush();
  if (!json) output.line(paint("dim", count(view.count(), "record")));
}

export const atCommand = {
  summary: "show the records as they were at an earlier time",
  operands: ["time", "id?"],
  details: [
    "Prints one record a line, or one record as JSON. The time is a day, a time of day in UTC, how long ago: 90s, 15m, 1h,",
    "7d, or a position as --json of log gives it. With --json: an object with id and data.",
  ],
  run({ folder, operands: [time, id], values: { json = false }, output }) {
    const place = parsePlace(time);
    return reading(folder, async (store) => {
      const view = await store.at(place);
      return id === undefined ? showAll(view, json, output) : showOne(view, id, json, output);
    });
  },
};
