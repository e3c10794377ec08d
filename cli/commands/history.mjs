/** `opslog history`: what happened to one record. */
import { FAILED } from "../exit-codes.mjs";
import { OperationList, allOption, operationsOf } from "../operations.mjs";
import { tell } from "../output.mjs";
import { reading } from "../stores.mjs";
import { paint, printable, shown } from "../style.mjs";

export const historyCommand = {
  summary: "what happened to one record",
  operands: ["id"],
  details: [
    "Prints the operations on the record since the last checkpoint, with --all also those in the logs that checkpoints",
    "left behind, and what it is now. Ends with 1 if there is neither a record nor an operation. With --json: one object",
    "with operations and, if there is a record, data.",
  ],
  options: allOption,
  run({ folder, operands: [id], values, output }) {
    return reading(folder, async (store) => {
      const found = await operationsOf(folder, store, { ...values, id });
      const operations = [];
      for await (const operation of found.operations) if (operation.id === id) operations.push(operation);
      const exists = store.has(id);
      if (values.json) {
        output.json({ id, operations, ...(exists && { data: store.get(id) }) });
      } else if (exists || operations.length > 0) {
        const list = new OperationList(output, { withAgent: found.withAgent });
        for (const operation of operations) list.print(operation);
        list.flush();
        output.line(`${paint("bold", "now")}  ${exists ? shown(store.get(id)) : "deleted"}`);
        list.note(operations.length, store, values);
      }
      if (exists || operations.length > 0) return undefined;
      const where = values.all
        ? "no operation on it"
        : "no operation on it since the last checkpoint; see --all";
      if (!values.json) tell(`opslog: there is no record ${printable(id)}, and ${where}`);
      return FAILED;
    });
  },
};
