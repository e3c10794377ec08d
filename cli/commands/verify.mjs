/** `opslog verify`: every file, every line, every index entry. */
import { Store } from "../../index.mjs";
import { FAILED, OK } from "../exit-codes.mjs";
import { pathIn, reportLines } from "../records/damage.mjs";
import { inFolder, reading } from "../stores.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";

/** What the store itself holds, without what only old files do; `null` if it does not open. */
async function stateOf(folder) {
  try {
    return await reading(folder, (store) => {
      const { activeRecords, opsCount } = store.stats();
      return { records: activeRecords, operations: opsCount };
    });
  } catch {
    // The report says why.
    return null;
  }
}

export const verifyCommand = {
  summary: "check every file, line and index entry",
  details: [
    "Prints the file and the byte of each damaged place, and exits with 1 if there is one. Takes no lock and writes nothing, also beside a running writer. A changed value that is still valid JSON is found only where an index covers it.",
  ],
  examples: ["verify ./data", "verify ./data --json | jq .damage"],
  options: progressOption,
  async run({ folder, values, output }) {
    const bar = progressBar(values);
    const { onProgress } = bar;
    const report = await inFolder(folder, () => Store.verify(folder, { onProgress })).finally(() =>
      bar.end(),
    );
    output.status = report.ok ? OK : FAILED;
    const store = await stateOf(folder);
    if (values.json) output.json({ ...report, store });
    else for (const line of reportLines(report, pathIn(folder), store)) output.line(line);
    return output.status;
  },
};
