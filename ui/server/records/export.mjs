/**
 * Records as text: lines of JSON, or a table with commas. `opslog import` takes both: a cell is a text, or JSON where the text
 * would read as another value (docs/command-line.md).
 */
import { VALUE_COLUMN } from "./records.mjs";

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

export const FORMATS = {
  jsonl: { type: "application/x-ndjson", head: () => "", line: jsonLine },
  csv: { type: "text/csv", head: csvHead, line: csvLine },
};

function jsonLine([id, data]) {
  return `${JSON.stringify({ id, data })}\n`;
}

/** The column of a field: `id` is the record's, and `data` the value of one that is no object. */
function columnOf(name) {
  if (name === VALUE_COLUMN) return "data";
  return /^(id$|data$|data\.)/.test(name) ? cellOf(`data.${name}`) : cellOf(name);
}

function csvHead(columns) {
  return csvRow(["id", ...columns.map(columnOf)]);
}

function csvLine([id, data], columns) {
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  const of = (name) => {
    if (name === VALUE_COLUMN) return isObject ? undefined : data;
    return isObject && Object.hasOwn(data, name) ? data[name] : undefined;
  };
  return csvRow([id, ...columns.map(of)].map(cellOf));
}

/** Whether a cell with this text is read as a text, and as this one. */
function readsAsItself(text) {
  if (text === "" || NUMBER.test(text) || !text.isWellFormed()) return false;
  if (!/^["{[tfn]/.test(text)) return true;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}

function cellOf(value) {
  if (value === undefined) return "";
  return typeof value === "string" && readsAsItself(value) ? value : JSON.stringify(value);
}

function csvRow(cells) {
  const quoted = (text) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return `${cells.map(quoted).join(",")}\r\n`;
}
