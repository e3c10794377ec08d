/** `opslog get`: one record. */
import { FAILED } from "../exit-codes.mjs";
import { jsonText, tell } from "../output.mjs";
import { reading } from "../stores.mjs";
import { printable } from "../style.mjs";

export const getCommand = {
  summary: "show one record",
  operands: ["id"],
  details: ["Prints the record as JSON. If there is none, prints nothing and ends with 1."],
  run({ folder, operands: [id], values, output }) {
    return reading(folder, (store) => {
      if (!store.has(id)) {
        tell(
          values.json
            ? jsonText({ error: { code: "OPSLOG_NOT_FOUND", message: `Record '${id}' not found` } })
            : `opslog: there is no record ${printable(id)}`,
        );
        return FAILED;
      }
      const text = jsonText(store.get(id), values.json ? 0 : 2);
      for (const line of text.split("\n")) output.line(values.json ? line : printable(line));
      return undefined;
    });
  },
};
