/** `opslog history`: what happened to one record. */
import { basename } from "node:path";
import { explainDamage } from "../explain.mjs";
import { complain } from "../output.mjs";
import { OperationList, hasAgents } from "../records/operations.mjs";
import { reading } from "../stores.mjs";
import { paint } from "../terminal/colours.mjs";
import { shown } from "../terminal/printable.mjs";
import { width } from "../terminal/size.mjs";
import { wrap } from "../terminal/text-width.mjs";
import { boundsOptions, parseBounds, printOperations } from "./log.mjs";
import { FAILED } from "../exit-codes.mjs";

const MANIFEST = "manifest.json";

/** Takes operations in, to be printed when all is known. */
class Collected {
  operations = [];

  print(operation) {
    this.operations.push(operation);
  }
}

async function readHistory(store, id, agent, bounds) {
  const collected = new Collected();
  const { remark } = await printOperations(store, collected, { id, agent }, bounds);
  return { operations: collected.operations, remark, withAgent: await hasAgents(store) };
}

/** The operations on a record, and what it is now; where the snapshot is damaged, what the last operation made of it. */
async function found(folder, id, agent, bounds) {
  try {
    return await reading(folder, async (store) => ({
      ...(await readHistory(store, id, agent, bounds)),
      data: store.get(id),
    }));
  } catch (error) {
    // Without a manifest there are no logs to read either.
    if (error.code !== "OPSLOG_CORRUPT" || basename(error.path ?? "") === MANIFEST) throw error;
    complain(`${explainDamage(error, folder)}. What follows is read from the logs alone.`);
    const read = await reading(folder, (store) => readHistory(store, id, agent, bounds), { skipLoad: true });
    return { ...read, data: read.operations.at(-1)?.data };
  }
}

/** The record as it is now; it goes on below itself where it is wider than the terminal. */
function printNow(output, data) {
  const text = data === undefined ? "deleted" : shown(data);
  for (const [at, line] of wrap(text, width - 5).entries())
    output.line(`${at === 0 ? paint("bold", "now") : "   "}  ${line}`);
}

export const historyCommand = {
  summary: "show the operations on one record",
  operands: ["id"],
  details: [
    "Prints the operations on the record, from all logs of the folder, with the fields that each one changed, and the record as it is now. Exits with 1 if there is neither a record nor an operation.",
    "With --json: one object with operations and, if there is a record, data.",
  ],
  examples: ["history ./data task-1"],
  options: {
    agent: { type: "string", short: "a", value: "id", help: "only operations of this agent" },
    ...boundsOptions,
  },
  async run({ folder, operands: [id], values, output }) {
    const { operations, data, withAgent, remark } = await found(
      folder,
      id,
      values.agent,
      parseBounds(values),
    );
    const exists = data !== undefined;
    if (values.json) {
      output.json({ id, operations, ...(exists && { data }) });
    } else if (exists || operations.length > 0) {
      const list = new OperationList(output, { withAgent, withDifferences: true });
      for (const operation of operations) list.print(operation);
      list.flush();
      printNow(output, data);
      list.note(remark);
    }
    if (exists || operations.length > 0) return undefined;
    if (!values.json) complain(`there is no record ${id}, and no operation on it`);
    return FAILED;
  },
};
