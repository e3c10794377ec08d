/** `opslog repair`: mends what can be mended without loss. */
import { Store } from "../../index.mjs";
import { FAILED, OK } from "../exit-codes.mjs";
import { damageLines, reportLines } from "../records/damage.mjs";
import { inFolder, lockingOption } from "../stores.mjs";
import { paint } from "../terminal/colours.mjs";
import { count } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";

const deeds = {
  blank: "the line was set aside in",
  cut: "the unfinished end was set aside in",
  rebuild: "the index is made again; what was there is",
};

export const repairCommand = {
  summary: "mend what verify finds, where that loses nothing",
  details: [
    "Sets lines and ends of logs aside that count for nothing, and makes damaged indexes again. Deletes nothing, and changes no record. Ends with 1 if something is left that only a backup can mend.",
  ],
  examples: ["repair ./data"],
  options: { ...lockingOption, ...progressOption },
  async run({ folder, values, output }) {
    const bar = progressBar(values);
    const { onProgress } = bar;
    const { locking } = values;
    const repaired = await inFolder(folder, () => Store.repair(folder, { locking, onProgress })).finally(() =>
      bar.end(),
    );
    const { before, steps, failures, after } = repaired;
    output.status = after?.ok && failures.length === 0 ? OK : FAILED;
    if (values.json) {
      output.json(repaired);
    } else {
      for (const { damage, aside } of steps) {
        for (const line of damageLines(damage)) output.line(line);
        output.line(`  ${deeds[damage.remedy]} ${printable(aside)}`);
      }
      if (!before.ok) output.line(paint("bold", `${count(steps.length, "place")} mended`));
      for (const { damage, aside, message } of failures) {
        if (damage !== null) for (const line of damageLines(damage)) output.line(line);
        output.line(paint("red", `  not mended: ${printable(message)}`));
        if (aside !== null) output.line(`  ${printable(aside)} holds a copy of what stands there`);
      }
      if (after !== null) for (const line of reportLines(after)) output.line(line);
    }
    return output.status;
  },
};
