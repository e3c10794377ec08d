/** `opslog import`: records from lines of JSON, or from a table. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { UsageError } from "../arguments/usage-error.mjs";
import { endSignal } from "../ended.mjs";
import { conflictOption, parseConflict } from "../exchange/conflicts.mjs";
import { formatOption, parseFormat, readers } from "../exchange/formats.mjs";
import { Importer } from "../exchange/importer.mjs";
import { createOption, willCreate, writerOptions, writing } from "../stores.mjs";
import { count } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";
import { sentence } from "../terminal/sentences.mjs";

async function openInput(file) {
  if (file === undefined && process.stdin.isTTY) throw new UsageError("<file> is missing");
  if (file === undefined || file === "-") return { name: "stdin", begin: () => process.stdin, total: 0 };
  const found = await stat(file);
  if (found.isDirectory())
    throw new Error(`${file} is a folder; a file of records is wanted, such as "opslog export" writes`);
  return { name: file, begin: () => createReadStream(file), total: found.size };
}

async function importRecords(store, { name, begin, total, format, decide, onProgress }) {
  const signal = endSignal();
  const stream = addAbortSignal(signal, begin());
  const tell = () =>
    onProgress?.({ phase: "import", done: Math.min(stream.bytesRead ?? 0, total), total, unit: "bytes" });
  const importer = new Importer(store, { name, decide, tell });
  await importer.take(readers[format](stream), signal);
  return importer;
}

export const importCommand = {
  summary: "set records from lines of JSON, or from a CSV file",
  operands: ["file?"],
  details: [
    'Takes the output of "opslog export", from a file or from stdin: lines such as {"id":"a","data":{"n":1}}, or CSV with a header and a column id. A record whose id exists is replaced, unless --on-conflict says otherwise.',
    "Creates the store in a new or an empty folder; in a folder with other files only with --create.",
    "The import ends with status 1 at a line that is no record, at a record that the store refuses, and at Ctrl-C: the records before that are in the store. Memory: a few thousand lines, and an index of the records.",
  ],
  examples: [
    "import ./data records.jsonl",
    "import ./data people.csv --on-conflict newer=updated",
    "export ./data | opslog import ./copy",
  ],
  options: { ...conflictOption, ...formatOption, ...createOption, ...writerOptions, ...progressOption },
  async run({ folder, operands: [file], values, output }) {
    const format = parseFormat(values.format, file);
    const decide = parseConflict(values["on-conflict"]);
    const input = await openInput(file);
    const isNew = await willCreate(folder, values);
    const bar = progressBar(values);
    const { onProgress } = bar;
    const { agent, locking } = values;
    const { imported, skipped } = await writing(folder, { agent, locking, onProgress }, (store) =>
      importRecords(store, { ...input, format, decide, onProgress }),
    ).finally(() => bar.end());
    if (values.json) {
      output.json({ imported, ...(decide !== undefined && { skipped }) });
      return;
    }
    const left =
      skipped === 0 ? "" : `, ${count(skipped, "record")} left as ${skipped === 1 ? "it is" : "they are"}`;
    output.lines(
      sentence(
        `${count(imported, "record")} imported${isNew ? ` into a new store in ${printable(folder)}` : ""}${left}`,
      ),
    );
  },
};
