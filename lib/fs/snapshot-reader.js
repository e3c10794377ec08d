"use strict";

// Reads snapshot files: a header line, then a line per record; and the two older formats, one JSON document on one line or
// pretty-printed. Holds about a megabyte of text at a time.

const { Buffer } = require("../platform/builtins").buffer;
const { corruptError, ioError, opslogError } = require("../errors/errors");
const { validateSnapshot } = require("../operations/validate");
const { HeldFile } = require("./held-file");
const { decode, readLines } = require("./lines");

function parse(text, filePath, offset) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw corruptError(error, filePath, offset);
  }
}

/** A document in one of the old formats. */
function legacy(parsed, filePath) {
  try {
    const { records, version } = validateSnapshot(parsed);
    return { entries: Object.entries(records), version };
  } catch (error) {
    throw corruptError(error, filePath, 0);
  }
}

function parseHeader(line) {
  try {
    return JSON.parse(line?.text ?? "");
  } catch {
    return undefined; // no header line: perhaps a document over many lines
  }
}

function parseRecord({ text, offset }, filePath) {
  const entry = parse(text, filePath, offset);
  if (typeof entry?.id !== "string") {
    throw opslogError("OPSLOG_CORRUPT", `${filePath}: no record at byte ${offset}`, {
      path: filePath,
      offset,
    });
  }
  return [entry.id, entry.data];
}

async function* entriesOf(file, filePath) {
  let header;
  for await (const lines of readLines(file, filePath)) {
    let first = 0;
    if (header === undefined) {
      header = parseHeader(lines[0]);
      if (typeof header !== "object" || header === null || "records" in header) break;
      first = 1;
    }
    const entries = [];
    for (let index = first; index < lines.length; index += 1) {
      const line = { ...lines[index], text: lines[index].text.trim() };
      if (line.text !== "") entries.push(parseRecord(line, filePath));
    }
    yield entries;
  }
  if (typeof header === "object" && header !== null && !("records" in header)) return header.version;
  const whole = header ?? parse(decode(await readWhole(file), filePath, 0), filePath, 0);
  const { entries, version } = legacy(whole, filePath);
  yield entries;
  return version;
}

async function readWhole(file) {
  const { size } = file;
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/**
 * Yields a snapshot's records as arrays of `[id, record]`, about a megabyte of text each, and returns its
 * version. A missing file keeps Node's own `ENOENT`.
 */
async function* readSnapshot(filePath) {
  try {
    const file = await HeldFile.open(filePath);
    try {
      return yield* entriesOf(file, filePath);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error.code === "ENOENT" ? error : ioError(error);
  }
}

module.exports = { readSnapshot };
