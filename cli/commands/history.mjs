/** `opslog history`: what happened to one record. */
import { FAILED } from "../exit-codes.mjs";
import { OperationList, haveAgents } from "../operations.mjs";
import { tell } from "../output.mjs";
import { reading } from "../stores.mjs";
import { paint, printable, shown } from "../style.mjs";

export const historyCommand = {
  summary: "what happened to one record",
  operands: ["id"],
  details: [
    "Prints the operations on the record since the last checkpoint, and what it is now. Ends with 1 if there is",
    "neither a record nor an operation. With --json: one object with operations and, if there is a record, data.",
  ],
  run({ folder, operands: [id], values, output }) {
    return reading(folder, (store) => {
      const operations = store.getHistory(id);
      const exists = store.has(id);
      if (values.json) {
        output.json({ id, operations, ...(exists && { data: store.get(id) }) });
      } else if (exists || operations.length > 0) {
        const list = new OperationList(output, { withAgent: haveAgents(operations) });
        list.print(operations);
        list.flush();
        output.line(`${paint("bold", "now")}  ${exists ? shown(store.get(id)) : "deleted"}`);
      }
      if (exists || operations.length > 0) return undefined;
      if (!values.json) tell(`opslog: there is no record ${printable(id)}, and no operation on it`);
      return FAILED;
    });
  },
};
