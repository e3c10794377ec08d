/** `opslog export`: all records as lines of JSON, or as a table. */
import { parseQuery } from "../arguments/conditions.mjs";
import { whereOption } from "../arguments/selection.mjs";
import { Columns } from "../exchange/cells.mjs";
import { csvRow } from "../exchange/csv.mjs";
import { formatOption, parseFormat } from "../exchange/formats.mjs";
import { writeNewFile } from "../exchange/new-file.mjs";
import { Output } from "../output.mjs";
import { reading } from "../stores.mjs";
import { count } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";
import { sentence } from "../terminal/sentences.mjs";

/** How often progress is told, in records. */
const TELL_EVERY = 10_000;

/** Calls `write` for each record, or for those with the ids that are given. */
function walk(store, ids, write, onProgress) {
  const total = ids?.length ?? store.count();
  let done = 0;
  const take = (data, id) => {
    write(id, data);
    done++;
    if (done % TELL_EVERY === 0 || done === total) {
      onProgress?.({ phase: "export", done, total, unit: "records" });
    }
    return false;
  };
  if (ids === undefined) store.count(take);
  else for (const id of ids) take(store.get(id), id);
  return done;
}

const writers = {
  jsonl: (store, ids, output, onProgress) =>
    walk(store, ids, (id, data) => output.json({ id, data }), onProgress),
  // Which columns there are is known when all records have been looked at.
  csv(store, ids, output, onProgress) {
    const columns = new Columns();
    walk(store, ids, (_, data) => columns.add(data));
    output.line(csvRow(columns.header()));
    return walk(store, ids, (id, data) => output.line(csvRow(columns.row(id, data))), onProgress);
  },
};

function writeAllRecords(store, { format, ids }, output, onProgress) {
  const done = writers[format](store, ids, output, onProgress);
  output.flush();
  return done;
}

export const exportCommand = {
  summary: "print all records, one JSON object a line, or as CSV",
  details: [
    'Each line is {"id": ..., "data": ...}, in the store\'s order, as "opslog import" takes it. Memory does not grow with the store. The file of --to appears when all records are in it.',
    "As CSV: a column id, and one for each field. A cell is plain text, or JSON where plain text would be read as another value; lists and objects are JSON.",
  ],
  examples: [
    "export ./data > records.jsonl",
    "export ./data --to records.csv",
    "export ./data --format csv | head -3",
  ],
  options: {
    to: { type: "string", value: "file", help: "write to this file, which must not exist yet" },
    ...formatOption,
    ...whereOption,
    ...progressOption,
  },
  run({ folder, values, output }) {
    const format = parseFormat(values.format, values.to);
    parseQuery(values.where);
    const bar = progressBar({ ...values, json: values.json || values.to === undefined });
    return reading(
      folder,
      async (store) => {
        const ids = values.where === undefined ? undefined : await store.findIds(parseQuery(values.where));
        const wanted = { format, ids };
        if (values.to === undefined) {
          writeAllRecords(store, wanted, output, bar.onProgress);
          return;
        }
        const records = writeNewFile(values.to, (descriptor) =>
          writeAllRecords(store, wanted, new Output(descriptor), bar.onProgress),
        );
        bar.end();
        if (values.json) output.json({ records, to: values.to });
        else output.lines(sentence(`${count(records, "record")} in ${printable(values.to)}`));
      },
      { onProgress: bar.onProgress },
    ).finally(() => bar.end());
  },
};
