/** `opslog compact`: a new snapshot and an empty log. */
import { progressBar, progressOption } from "../progress-bar.mjs";
import { requireStore, writing } from "../stores.mjs";
import { count, printable } from "../style.mjs";

/** Options of commands that write. */
export const agentOption = {
  agent: { type: "string", value: "id", help: "write as this agent, beside others" },
};

export const compactCommand = {
  summary: "write a new snapshot and begin a new log",
  details: [
    "Needs the folder's lock. A folder of agents takes --agent while they are at work; without it, it becomes that of",
    "a single writer until an agent comes back.",
  ],
  options: { ...agentOption, ...progressOption },
  async run({ folder, values, output }) {
    await requireStore(folder);
    const bar = progressBar(values);
    const { onProgress } = bar;
    const done = await writing(folder, { agent: values.agent, onProgress }, async (store) => {
      const operations = store.stats().opsCount;
      await store.compact({ onProgress });
      const { activeRecords } = store.stats();
      return { operations, records: activeRecords, snapshot: store.getManifest().currentSnapshot };
    }).finally(() => bar.end());
    if (values.json) output.json(done);
    else
      output.line(
        `${count(done.records, "record")} in ${printable(done.snapshot)}, with ${count(done.operations, "operation")} of the log`,
      );
  },
};
