/** `opslog at`: the records as they were at an earlier time. */
import { TIMES, parsePlace } from "../arguments/moments.mjs";
import { limitOption, parseLimit } from "../arguments/selection.mjs";
import { RecordList } from "../records/records.mjs";
import { reading } from "../stores.mjs";
import { missing, showRecord } from "./get.mjs";

function showAll(view, values, output) {
  const list = new RecordList(output, values);
  const limit = parseLimit(values);
  const total = view.count();
  let given = 0;
  for (const id of view.keys()) {
    if (given++ >= limit) break;
    list.print(id, view.get(id));
  }
  list.note({ matched: total, total, isLimitGiven: values.limit !== undefined });
}

export const atCommand = {
  summary: "show the records as they were at an earlier time",
  operands: ["time", "id?"],
  details: [
    "Prints one record a line, or the one record that is named, as JSON. With --json each line is an object with id and data.",
    `${TIMES} A position, as --json of log gives it, is also one.`,
  ],
  examples: ["at ./data 1h", "at ./data 2026-01-31T12:00 task-1"],
  options: limitOption,
  run({ folder, operands: [time, id], values, output }) {
    const place = parsePlace(time);
    const { json = false } = values;
    return reading(folder, async (store) => {
      const view = await store.at(place);
      if (id === undefined) return showAll(view, values, output);
      if (!view.has(id)) return missing(id, json, `there was no record ${id}`);
      return showRecord(output, view.get(id), json);
    });
  },
};
