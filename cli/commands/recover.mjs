/** `opslog recover`: a new store from what is sound in a damaged folder. */
import { Store } from "../../index.mjs";
import { Ended, endSignal } from "../ended.mjs";
import { FAILED, OK } from "../exit-codes.mjs";
import { damageLines, pathIn } from "../records/damage.mjs";
import { inFolder } from "../stores.mjs";
import { paint } from "../terminal/colours.mjs";
import { count, grouped } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";
import { sentence } from "../terminal/sentences.mjs";

export const recoverCommand = {
  summary: "build a new store from the sound parts of a damaged one",
  operands: ["to"],
  details: [
    "Takes the sound parts of the snapshot and the logs; records that are missing there come from older snapshots and sealed logs. Writes nothing into the damaged folder. The new folder must not exist, or be empty. Exits with 1 if something could not be recovered, and lists it. Blobs are not copied.",
  ],
  examples: ["recover ./damaged ./new"],
  options: progressOption,
  async run({ folder, operands: [to], values, output }) {
    const bar = progressBar(values);
    const { onProgress } = bar;
    const signal = endSignal();
    let report;
    try {
      report = await inFolder(folder, () => Store.recover(folder, to, { onProgress, signal }));
    } catch (error) {
      throw signal.aborted ? new Ended("ended before the store was complete; it is removed") : error;
    } finally {
      bar.end();
    }
    const { records, fromHistory, missingRecords, lost, lostCount } = report;
    output.status = lostCount === 0 && missingRecords === 0 ? OK : FAILED;
    if (values.json) {
      output.json({ ...report, to });
      return output.status;
    }
    const named = pathIn(folder);
    for (const { path, offset, what, id } of lost) {
      const text = `${what}${id === null ? "" : `, record ${id}`}`;
      for (const line of damageLines({ path, offset, what: text, current: true, remedy: null }, named))
        output.line(line);
    }
    if (lostCount > lost.length) output.line(`and ${lostCount - lost.length} more`);
    const older = fromHistory === 0 ? "" : `, ${grouped(fromHistory)} of them from older files`;
    const text = `${count(records, "record")} in ${printable(to)}${older}`;
    output.lines(sentence(text, { colour: "bold" }));
    if (missingRecords > 0)
      output.line(paint("red", `${count(missingRecords, "record")} could not be found`));
    return output.status;
  },
};
