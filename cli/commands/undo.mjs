/** `opslog undo`: takes the last operations back. */
import { parseCount } from "../arguments/moments.mjs";
import { FAILED } from "../exit-codes.mjs";
import { complain } from "../output.mjs";
import { OperationList, lastOperations } from "../records/operations.mjs";
import { requireStore, writerOptions, writing } from "../stores.mjs";

/** Takes one operation back after the other. Returns them, the last one first. */
async function takeBack(store, number, agent) {
  const undone = [];
  while (undone.length < number) {
    const { last } = await lastOperations(store, { agent }, 1);
    if (last.length === 0 || !(await store.undo())) break;
    undone.push(last[0].operation);
  }
  return undone;
}

export const undoCommand = {
  summary: "take the last operation back, or several",
  operands: ["number?"],
  details: [
    "Removes the last operations from the log, and so from the history, and prints them, the last one first. Reaches back to the last checkpoint; for older operations use revert. With --agent, removes the agent's own operations. Exits with 1 if there are fewer.",
    "Needs the folder's lock. In a folder of agents, use --agent while agents have it open.",
  ],
  examples: ["undo ./data", "undo ./data 3"],
  options: writerOptions,
  async run({ folder, operands: [number], values, output }) {
    const wanted = parseCount(number, "undo") ?? 1;
    await requireStore(folder);
    const { agent, locking, json = false } = values;
    const undone = await writing(folder, { agent, locking }, (store) => takeBack(store, wanted, agent));
    const list = new OperationList(output, { json, withAgent: agent !== undefined, withDifferences: true });
    for (const operation of undone) list.print(operation);
    if (undone.length > 0) list.note(" taken back");
    if (undone.length === wanted) return undefined;
    const none = undone.length === 0 ? "there is no operation" : "there are no more operations";
    complain(`${none} since the last checkpoint; "opslog revert" goes further back`);
    return FAILED;
  },
};
