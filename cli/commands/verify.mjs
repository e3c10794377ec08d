/** `opslog verify`: every file, every line, every index entry. */
import { Store } from "../../index.mjs";
import { reportLines } from "../damage.mjs";
import { FAILED, OK } from "../exit-codes.mjs";
import { progressBar, progressOption } from "../progress-bar.mjs";
import { inFolder } from "../stores.mjs";

export const verifyCommand = {
  summary: "check every file, line and index entry",
  details: [
    "Names file and byte of whatever is damaged, and ends with 1 if anything is. Takes no lock and writes nothing;",
    "a writer may be at work. A changed value that is still valid JSON cannot be seen where no index covers it.",
  ],
  options: progressOption,
  async run({ folder, values, output }) {
    const bar = progressBar(values);
    const { onProgress } = bar;
    const report = await inFolder(folder, () => Store.verify(folder, { onProgress })).finally(() =>
      bar.end(),
    );
    output.status = report.ok ? OK : FAILED;
    if (values.json) output.json(report);
    else for (const line of reportLines(report)) output.line(line);
    return output.status;
  },
};
