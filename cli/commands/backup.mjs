/** `opslog backup`: a copy of a store, made while it is written to. */
import { Ended, endSignal } from "../ended.mjs";
import { reading } from "../stores.mjs";
import { bytes, count } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";
import { sentence } from "../terminal/sentences.mjs";

export const backupCommand = {
  summary: "copy the store, also beside a running writer",
  operands: ["to"],
  details: [
    "The copy is a store of its own, with the state of one moment. The target folder must not exist, or be empty. A copy that fails, or that Ctrl-C ends, leaves nothing there. Blobs are not copied.",
  ],
  examples: ["backup ./data ./copy", "backup ./data ./copy --sealed-logs"],
  options: {
    "sealed-logs": { type: "boolean", help: "copy the logs of earlier checkpoints too" },
    ...progressOption,
  },
  async run({ folder, operands: [to], values, output }) {
    const bar = progressBar(values);
    const { onProgress } = bar;
    const signal = endSignal();
    const options = { sealedLogs: values["sealed-logs"] ?? false, onProgress, signal };
    let copied;
    try {
      copied = await reading(folder, (store) => store.backup(to, options));
    } catch (error) {
      throw signal.aborted ? new Ended("ended before the copy was complete; it is removed") : error;
    } finally {
      bar.end();
    }
    if (values.json) output.json({ ...copied, to });
    else output.lines(sentence(`${count(copied.files, "file")}, ${bytes(copied.bytes)} in ${printable(to)}`));
  },
};
