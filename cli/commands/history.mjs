/** `opslog history`: what happened to one record. */
import { FAILED } from "../exit-codes.mjs";
import { OperationList, hasAgents, operationOf } from "../operations.mjs";
import { tell } from "../output.mjs";
import { reading } from "../stores.mjs";
import { paint, printable, shown } from "../style.mjs";

async function readHistory(store, id) {
  const operations = [];
  for await (const change of store.changes({ id }))
    if (change.type !== "undone") operations.push(operationOf(change));
  return { operations, withAgent: await hasAgents(store) };
}

/** The operations on a record, and what it is now; where the snapshot is damaged, what the last operation made of it. */
async function found(folder, id) {
  try {
    return await reading(folder, async (store) => ({
      ...(await readHistory(store, id)),
      data: store.get(id),
    }));
  } catch (error) {
    if (error.code !== "OPSLOG_CORRUPT") throw error;
    tell(`opslog: ${error.message}; what follows is read from the logs alone`);
    const read = await reading(folder, (store) => readHistory(store, id), { skipLoad: true });
    return { ...read, data: read.operations.at(-1)?.data };
  }
}

export const historyCommand = {
  summary: "what happened to one record",
  operands: ["id"],
  details: [
    "Prints the operations on the record, from all logs that the folder has, with the fields that each one changed, and",
    "what it is now. Ends with 1 if there is neither a record nor an operation. With --json: one object with operations and,",
    "if there is a record, data.",
  ],
  options: { all: { type: "boolean", help: "all of them, as without" } },
  async run({ folder, operands: [id], values, output }) {
    const { operations, data, withAgent } = await found(folder, id);
    const exists = data !== undefined;
    if (values.json) {
      output.json({ id, operations, ...(exists && { data }) });
    } else if (exists || operations.length > 0) {
      const list = new OperationList(output, { withAgent, withDifferences: true });
      for (const operation of operations) list.print(operation);
      list.flush();
      output.line(`${paint("bold", "now")}  ${exists ? shown(data) : "deleted"}`);
      list.note(operations.length);
    }
    if (exists || operations.length > 0) return undefined;
    if (!values.json) tell(`opslog: there is no record ${printable(id)}, and no operation on it`);
    return FAILED;
  },
};
