/** `opslog get`: one record. */
import { FAILED } from "../exit-codes.mjs";
import { complain, complainJson } from "../output.mjs";
import { reading } from "../stores.mjs";
import { jsonText } from "../terminal/printable.mjs";

/** Prints a record as JSON: on one line for programs, on several for people. */
export function showRecord(output, data, json) {
  for (const line of jsonText(data, json ? 0 : 2).split("\n")) output.line(line);
}

/** Says that a record is not there. Returns the status for it. */
export function missing(id, json, text = `there is no record ${id}`) {
  if (json) complainJson({ error: { code: "OPSLOG_NOT_FOUND", message: `Record '${id}' not found` } });
  else complain(text);
  return FAILED;
}

export const getCommand = {
  summary: "show one record",
  operands: ["id"],
  details: ["Prints the record as JSON. If there is none, prints nothing and exits with 1."],
  examples: ["get ./data task-1", "get ./data task-1 --json | jq .title"],
  run({ folder, operands: [id], values: { json = false }, output }) {
    return reading(folder, (store) => {
      if (!store.has(id)) return missing(id, json);
      showRecord(output, store.get(id), json);
      return undefined;
    });
  },
};
