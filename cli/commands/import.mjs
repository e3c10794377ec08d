/** `opslog import`: records from lines of JSON. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { endSignal } from "../ended.mjs";
import { progressBar, progressOption } from "../progress-bar.mjs";
import { writing } from "../stores.mjs";
import { count, printable } from "../style.mjs";
import { agentOption } from "./compact.mjs";

/** Records that are written together, and how long their lines may be altogether. */
const BATCH = 1000;
const BATCH_UNITS = 1 << 22;
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

/** Somebody ended it. */
class Ended extends Error {
  constructor(imported) {
    super(`ended after ${count(imported, "record")} were imported`);
    this.code = "ENDED";
  }
}

function parseLine(line) {
  let parsed;
  try {
    parsed = JSON.parse(line);
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
async function importLines(store, { name, stream, total, onProgress }) {
  const signal = endSignal();
  let [number, imported, units, batch] = [0, 0, 0, []];
  let compactAt = COMPACT_EVERY;
  const write = async () => {
    if (batch.length === 0) return;
    await store.batch(() => {
      for (const { id, data } of batch) store.set(id, data);
    });
    imported += batch.length;
    [units, batch] = [0, []];
    onProgress?.({ phase: "import", done: Math.min(stream.bytesRead ?? 0, total), total, unit: "bytes" });
    if (imported < compactAt || signal.aborted) return;
    compactAt = imported + Math.max(COMPACT_EVERY, imported / COMPACT_SHARE);
    await store.compact();
  };
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity, signal })) {
    if (signal.aborted) break;
    number++;
    if (line.trim() === "") continue;
    let record;
    try {
      record = parseLine(line);
    } catch (error) {
      await write();
      throw new BadLine(name, number, error.message, imported);
    }
    batch.push(record);
    units += line.length;
    if (batch.length >= BATCH || units >= BATCH_UNITS) await write();
  }
  await write();
  if (signal.aborted) throw new Ended(imported);
  return imported;
}

async function openInput(file) {
  if (file === undefined || file === "-") return { name: "stdin", stream: process.stdin, total: 0 };
  const { size } = await stat(file);
  return { name: printable(file), stream: createReadStream(file), total: size };
}

export const importCommand = {
  summary: "set records from lines of JSON",
  operands: ["file?"],
  details: [
    'Takes what "opslog export" prints, from a file or from stdin. Creates the store if there is none; a record that is',
    "there is replaced. A line that is no record, and Ctrl-C, end it with 1, and what stood before it is there. Holds a few",
    "thousand lines in memory, and for each record what the index of a snapshot needs, less than 100 bytes.",
  ],
  options: { ...agentOption, ...progressOption },
  async run({ folder, operands: [file], values, output }) {
    const input = await openInput(file);
    const bar = progressBar(values);
    const { onProgress } = bar;
    const imported = await writing(folder, { agent: values.agent, onProgress }, (store) =>
      importLines(store, { ...input, onProgress }),
    ).finally(() => bar.end());
    if (values.json) output.json({ imported });
    else output.line(`${count(imported, "record")} imported`);
  },
};
