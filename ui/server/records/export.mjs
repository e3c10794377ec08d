/** Records as text: lines of JSON, which `opslog import` takes, or a table with commas. */
import { VALUE_COLUMN } from "./records.mjs";

export const FORMATS = {
  jsonl: { type: "application/x-ndjson", head: () => "", line: jsonLine },
  csv: { type: "text/csv", head: csvHead, line: csvLine },
};

function jsonLine([id, data]) {
  return `${JSON.stringify({ id, data })}\n`;
}

function csvHead(columns) {
  return csvRow(["id", ...columns.map((name) => (name === VALUE_COLUMN ? "value" : name))]);
}

function csvLine([id, data], columns) {
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  const of = (name) => {
    if (name === VALUE_COLUMN) return isObject ? undefined : data;
    return isObject && Object.hasOwn(data, name) ? data[name] : undefined;
  };
  return csvRow([id, ...columns.map(of)]);
}

function csvRow(values) {
  const cells = values.map((value) => {
    if (value === undefined) return "";
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return /[",\r\n]|^\s|\s$/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${cells.join(",")}\r\n`;
}
