/** `opslog revert`: makes the records what they were. */
import { TIMES, parsePlace } from "../arguments/moments.mjs";
import { requireStore, writerOptions, writing } from "../stores.mjs";
import { count } from "../terminal/numbers.mjs";

export const revertCommand = {
  summary: "make the records what they were at an earlier time",
  operands: ["time"],
  details: [
    "Logs ordinary operations in one batch: nothing is taken out of the history, and revert can be reverted. Needs the folder's lock; a folder of agents takes --agent while they are at work.",
    `${TIMES} A position, as --json of log gives it, is also one.`,
  ],
  examples: ["revert ./data 1h", "revert ./data 2026-01-31T12:00 --id task-1"],
  options: {
    id: { type: "string", multiple: true, value: "id", help: "only this record; may be given several times" },
    ...writerOptions,
  },
  async run({ folder, operands: [time], values, output }) {
    const { agent, locking, id: ids } = values;
    const to = parsePlace(time);
    await requireStore(folder);
    const changed = await writing(folder, { agent, locking }, (store) => store.revert({ to, ids }));
    if (values.json) output.json({ changed });
    else output.line(`${count(changed, "record")} changed`);
  },
};
