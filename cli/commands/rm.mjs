/** `opslog rm`: deletes records. */
import { requireStore, writerOptions, writing } from "../stores.mjs";
import { count } from "../terminal/numbers.mjs";
import { missing } from "./get.mjs";

export const rmCommand = {
  summary: "delete records",
  operands: ["id..."],
  details: [
    "Deletes the records with these ids in one step. If one of them does not exist, deletes none and exits with 1. The history keeps them: revert brings them back.",
    "Needs the folder's lock. In a folder of agents, use --agent while agents have it open.",
  ],
  examples: ["rm ./data task-1 task-2"],
  options: {
    force: { type: "boolean", short: "f", help: "ignore ids without a record" },
    ...writerOptions,
  },
  async run({ folder, operands, values, output }) {
    await requireStore(folder);
    const { agent, locking, force = false, json = false } = values;
    const ids = [...new Set(operands)];
    const done = await writing(folder, { agent, locking }, (store) =>
      store.transaction((tx) => {
        const gone = ids.find((id) => !tx.has(id));
        if (gone !== undefined && !force) return { gone };
        const there = ids.filter((id) => tx.has(id));
        for (const id of there) tx.delete(id);
        return { deleted: there.length };
      }),
    );
    if (done.gone !== undefined)
      return missing(done.gone, json, `there is no record ${done.gone}; none was deleted`);
    if (json) output.json(done);
    else output.line(`${count(done.deleted, "record")} deleted`);
    return undefined;
  },
};
