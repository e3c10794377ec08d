/** `opslog get`: one record. */
import { FAILED } from "../exit-codes.mjs";
import { tell } from "../output.mjs";
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
            ? JSON.stringify({ error: { code: "OPSLOG_NOT_FOUND", message: `Record '${id}' not found` } })
            : `opslog: there is no record ${printable(id)}`,
        );
        return FAILED;
      }
      const text = JSON.stringify(store.get(id), null, values.json ? 0 : 2) ?? "null";
      for (const line of text.split("\n")) output.line(values.json ? line : printable(line));
      return undefined;
    });
  },
};
