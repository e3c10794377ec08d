/** `opslog import`: records from lines of JSON. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { Ended, endSignal } from "../ended.mjs";
import { linesOf, textOf } from "../lines.mjs";
import { progressBar, progressOption } from "../progress-bar.mjs";
import { writing } from "../stores.mjs";
import { count, printable } from "../style.mjs";
import { writerOptions } from "./compact.mjs";

/** Records that are written together, and how long their lines may be altogether. */
const BATCH = 1000;
const BATCH_BYTES = 1 << 22;
/**
 * So many records at least are held as operations of the log, and an eighth of those imported: then they go to a
 * snapshot, and memory is free for more. With a fixed number a large import would write the whole store too often.
 */
const COMPACT_EVERY = 100_000;
const COMPACT_SHARE = 8;

/** A line of the input is not what it must be. */
class BadLine extends Error {
  constructor(name, number, what, imported) {
    super(`${name}, line ${number}: ${what}. ${count(imported, "record")} before it were imported.`);
    this.code = "BAD_LINE";
  }
}

function parseLine(text) {
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`this is no JSON (${error.message})`);
  }
  if (parsed === null || typeof parsed !== "object" || typeof parsed.id !== "string" || parsed.id === "") {
    throw new Error("this is no object with an id");
  }
  if (parsed.data === undefined || parsed.data === null) throw new Error("this is no object with data");
  return parsed;
}

/** Writes all lines of a stream to a store, in batches. */
async function importLines(store, { name, begin, total, onProgress }) {
  const signal = endSignal();
  const stream = addAbortSignal(signal, begin());
  let [number, imported, bytes, batch] = [0, 0, 0, []];
  let compactAt = COMPACT_EVERY;
  const write = async () => {
    if (batch.length === 0) return;
    const records = batch;
    [bytes, batch] = [0, []];
    let at = 0;
    try {
      await store.batch(() => {
        for (at = 0; at < records.length; at++) store.set(records[at].id, records[at].data);
      });
    } catch (error) {
      // What failed otherwise failed for all of them.
      if (at === records.length) throw error;
      batch = records.slice(0, at);
      await write();
      throw new BadLine(name, records[at].line, `the store refuses this record (${error.message})`, imported);
    }
    imported += records.length;
    onProgress?.({ phase: "import", done: Math.min(stream.bytesRead ?? 0, total), total, unit: "bytes" });
    if (imported < compactAt || signal.aborted) return;
    compactAt = imported + Math.max(COMPACT_EVERY, imported / COMPACT_SHARE);
    await store.compact();
  };
  const take = async () => {
    for await (const line of linesOf(stream)) {
      number++;
      let record;
      try {
        const text = textOf(line);
        if (text.trim() === "") continue;
        record = parseLine(text);
      } catch (error) {
        await write();
        throw new BadLine(name, number, error.message, imported);
      }
      batch.push({ id: record.id, data: record.data, line: number });
      bytes += line.length;
      if (batch.length >= BATCH || bytes >= BATCH_BYTES) await write();
      if (signal.aborted) return;
    }
  };
  try {
    await take();
  } catch (error) {
    if (!signal.aborted || error.name !== "AbortError") {
      await write();
      throw error;
    }
  }
  await write();
  if (signal.aborted) throw new Ended(`ended after ${count(imported, "record")} were imported`);
  return imported;
}

async function openInput(file) {
  if (file === undefined || file === "-") return { name: "stdin", begin: () => process.stdin, total: 0 };
  const { size } = await stat(file);
  return { name: printable(file), begin: () => createReadStream(file), total: size };
}

export const importCommand = {
  summary: "set records from lines of JSON",
  operands: ["file?"],
  details: [
    'Takes what "opslog export" prints, from a file or from stdin. Creates the store if there is none; a record that is',
    "there is replaced. A line that is no record, and Ctrl-C, end it with 1, and what stood before it is there. Holds a few",
    "thousand lines in memory, and for each record what the index of a snapshot needs, less than 100 bytes.",
  ],
  options: { ...writerOptions, ...progressOption },
  async run({ folder, operands: [file], values, output }) {
    const input = await openInput(file);
    const bar = progressBar(values);
    const { onProgress } = bar;
    const { agent, locking } = values;
    const imported = await writing(folder, { agent, locking, onProgress }, (store) =>
      importLines(store, { ...input, onProgress }),
    ).finally(() => bar.end());
    if (values.json) output.json({ imported });
    else output.line(`${count(imported, "record")} imported`);
  },
};
