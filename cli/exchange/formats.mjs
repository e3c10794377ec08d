/** The formats in which records leave a store and come into one. */
import { UsageError } from "../arguments/usage-error.mjs";
import { Header } from "./cells.mjs";
import { csvRows } from "./csv.mjs";
import { linesOf, textOf } from "./lines.mjs";

export const formatOption = {
  format: {
    type: "string",
    value: "name",
    help: "jsonl or csv; default: csv if the file's name ends in .csv, else jsonl",
    choices: ["jsonl", "csv"],
  },
};

/** The format that is asked for, or the one that a file's name tells. */
export function parseFormat(format, file) {
  if (format === undefined) return /\.csv$/i.test(file ?? "") ? "csv" : "jsonl";
  if (format !== "csv" && format !== "jsonl")
    throw new UsageError(`--format takes jsonl or csv, not "${format}"`);
  return format;
}

/** A line of the input is no record. */
export class NoRecord extends Error {
  constructor(line, message) {
    super(message);
    this.line = line;
  }
}

function parseLine(text) {
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`this is no JSON (${error.message})`, { cause: error });
  }
  if (parsed === null || typeof parsed !== "object" || typeof parsed.id !== "string" || parsed.id === "") {
    throw new Error("this is no object with an id");
  }
  if (parsed.data === undefined || parsed.data === null) throw new Error("this is no object with data");
  return { id: parsed.id, data: parsed.data };
}

async function* jsonRecords(stream) {
  let number = 0;
  for await (const line of linesOf(stream)) {
    number++;
    let record;
    try {
      const text = textOf(line);
      if (text.trim() === "") continue;
      record = parseLine(text);
    } catch (error) {
      throw new NoRecord(number, error.message);
    }
    yield { ...record, line: number, bytes: line.length };
  }
}

async function* csvRecords(stream) {
  let header;
  let number = 1;
  try {
    for await (const { cells, line } of csvRows(stream)) {
      number = line;
      if (header === undefined) header = new Header(cells);
      else yield { ...header.record(cells), line, bytes: cells.reduce((sum, cell) => sum + cell.length, 0) };
    }
  } catch (error) {
    if (error.name === "AbortError" || error.syscall !== undefined) throw error;
    throw new NoRecord(error.line ?? number, error.message);
  }
}

/** Yields `{ id, data, line, bytes }` for each record of a stream of bytes. What is none is a `NoRecord`. */
export const readers = { jsonl: jsonRecords, csv: csvRecords };
