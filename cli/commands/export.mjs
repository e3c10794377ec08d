/** `opslog export`: all records as lines of JSON. */
import { writeNewFile } from "../new-file.mjs";
import { Output } from "../output.mjs";
import { progressBar, progressOption } from "../progress-bar.mjs";
import { reading } from "../stores.mjs";
import { count, printable } from "../style.mjs";

/** How often progress is told, in records. */
const TELL_EVERY = 10_000;

function writeAllRecords(store, output, onProgress) {
  const total = store.count();
  let done = 0;
  store.count((data, id) => {
    output.json({ id, data });
    done++;
    if (done % TELL_EVERY === 0 || done === total) {
      onProgress?.({ phase: "export", done, total, unit: "records" });
    }
    return false;
  });
  output.flush();
  return done;
}

export const exportCommand = {
  summary: "print all records, one JSON object a line",
  details: [
    'Each line is {"id": ..., "data": ...}, in the store\'s order, as "opslog import" takes it. Needs little memory,',
    "however large the store is. The file of --to has its name once all of it is written.",
  ],
  options: {
    to: { type: "string", value: "file", help: "write to this file, which must not exist yet" },
    ...progressOption,
  },
  run({ folder, values, output }) {
    const bar = progressBar({ ...values, json: values.json || values.to === undefined });
    return reading(
      folder,
      (store) => {
        if (values.to === undefined) {
          writeAllRecords(store, output, bar.onProgress);
          return;
        }
        const records = writeNewFile(values.to, (descriptor) =>
          writeAllRecords(store, new Output(descriptor), bar.onProgress),
        );
        bar.end();
        if (values.json) output.json({ records, to: values.to });
        else output.line(`${count(records, "record")} in ${printable(values.to)}`);
      },
      { onProgress: bar.onProgress },
    ).finally(() => bar.end());
  },
};
