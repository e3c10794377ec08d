/** `opslog at`: the records as they were at an earlier time. */
import { PLACES, parsePlace } from "../arguments/moments.mjs";
import { parseSelection, selectionOptions } from "../arguments/selection.mjs";
import { RecordList, select } from "../records/records.mjs";
import { reading } from "../stores.mjs";
import { missing, showRecord } from "./get.mjs";

async function showAll(view, selection, values, output) {
  const { records, matched } = await select(view, selection);
  const list = new RecordList(output, { json: values.json, fields: selection.fields });
  for (const [id, data] of records) list.print(id, data);
  list.note({ matched, total: view.count(), isLimitGiven: values.limit !== undefined });
}

export const atCommand = {
  summary: "show the records as they were at an earlier time",
  operands: ["time", "id?"],
  details: [
    "Prints one record a line, or only the record with this id, as JSON. With --json each line is an object with id and data.",
    PLACES,
  ],
  examples: ["at ./data 1h --where done=false", "at ./data 2026-01-31T12:00 task-1"],
  options: selectionOptions,
  run({ folder, operands: [time, id], values, output }) {
    const place = parsePlace(time);
    const selection = parseSelection(values);
    const { json = false } = values;
    return reading(folder, async (store) => {
      const view = await store.at(place);
      if (id === undefined) return showAll(view, selection, values, output);
      if (!view.has(id)) return missing(id, json, `there was no record ${id}`);
      return showRecord(output, view.get(id), json);
    });
  },
};
