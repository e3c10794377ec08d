/** `opslog compact`: a new snapshot and an empty log. */
import { requireStore, writerOptions, writing } from "../stores.mjs";
import { count } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";
import { sentence } from "../terminal/sentences.mjs";

export const compactCommand = {
  summary: "write a new snapshot and begin a new log",
  details: [
    "Needs the folder's lock. In a folder of agents, use --agent while agents have it open. Without --agent the folder becomes that of a single writer until an agent opens it again.",
  ],
  examples: ["compact ./data"],
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
      output.lines(
        sentence(
          `${count(done.records, "record")} in ${printable(done.snapshot)}, with ${count(done.operations, "operation")} of the log`,
        ),
      );
  },
};
