/** `opslog repair`: mends what can be mended without loss. */
import { Store } from "../../index.mjs";
import { FAILED, OK } from "../exit-codes.mjs";
import { damageLines, pathIn, reportLines } from "../records/damage.mjs";
import { inFolder, lockingOption } from "../stores.mjs";
import { paint } from "../terminal/colours.mjs";
import { count } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";
import { sentence } from "../terminal/sentences.mjs";

const deeds = {
  blank: "the line was set aside in",
  cut: "the unfinished end was set aside in",
  rebuild: "the index is rebuilt; the old one is",
};

export const repairCommand = {
  summary: "mend what verify finds, where that loses nothing",
  details: [
    "Moves the lines and unfinished ends of logs that the store skips into files beside them, and rebuilds damaged indexes. Deletes nothing and changes no record. Exits with 1 if damage is left that only a backup can mend.",
  ],
  examples: ["repair ./data"],
  options: { ...lockingOption, ...progressOption },
  async run({ folder, values, output }) {
    const bar = progressBar(values);
    const { onProgress } = bar;
    const { locking } = values;
    const named = pathIn(folder);
    const repaired = await inFolder(folder, () => Store.repair(folder, { locking, onProgress })).finally(() =>
      bar.end(),
    );
    const { before, steps, failures, after } = repaired;
    output.status = after?.ok && failures.length === 0 ? OK : FAILED;
    if (values.json) {
      output.json(repaired);
    } else {
      for (const { damage, aside } of steps) {
        for (const line of damageLines(damage, named)) output.line(line);
        output.lines(sentence(`${deeds[damage.remedy]} ${named(aside)}`, { indent: "  " }));
      }
      if (!before.ok) output.line(paint("bold", `${count(steps.length, "place")} mended`));
      for (const { damage, aside, message } of failures) {
        if (damage !== null) for (const line of damageLines(damage, named)) output.line(line);
        output.lines(sentence(`not mended: ${printable(message)}`, { colour: "red", indent: "  " }));
        if (aside !== null)
          output.lines(sentence(`${named(aside)} holds a copy of what stands there`, { indent: "  " }));
      }
      if (after !== null) for (const line of reportLines(after, named)) output.line(line);
    }
    return output.status;
  },
};
