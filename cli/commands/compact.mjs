/** `opslog compact`: a new snapshot and an empty log. */
import { progressBar, progressOption } from "../progress-bar.mjs";
import { requireStore, writing } from "../stores.mjs";
import { count, printable } from "../style.mjs";

/** What keeps writers apart. */
export const lockingOption = {
  locking: { type: "string", value: "how", help: "kernel, or pid where the file system has no kernel locks" },
};

/** Options of commands that write records. */
export const writerOptions = {
  agent: { type: "string", value: "id", help: "write as this agent, beside others" },
  ...lockingOption,
};

export const compactCommand = {
  summary: "write a new snapshot and begin a new log",
  details: [
    "Needs the folder's lock. A folder of agents takes --agent while they are at work; without it, it becomes that of",
    "a single writer until an agent comes back.",
  ],
  options: { ...writerOptions, ...progressOption },
  async run({ folder, values, output }) {
    await requireStore(folder);
    const bar = progressBar(values);
    const { onProgress } = bar;
    const { agent, locking } = values;
    const done = await writing(folder, { agent, locking, onProgress }, async (store) => {
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
