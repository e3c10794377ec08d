"use strict";

// Snapshot files: a header line, then a line per record; and the two older formats, one JSON document on one
// line or pretty-printed. Reading and writing hold about a megabyte of text at a time.

const { Buffer } = require("node:buffer");
const fs = require("node:fs/promises");
const path = require("node:path");
const { corruptError, ioError, opslogError } = require("../errors");
const { validateSnapshot } = require("../validate");
const { isoNow } = require("../values");
const { createNumbered, translated } = require("./durable");
const { decode, readLines } = require("./lines");
const { SNAPSHOTS, snapshotName } = require("./names");

const WRITE_CHARACTERS = 1 << 20;

/** Writes a snapshot of the records as they are at the call. Returns its path inside the store. */
async function writeSnapshot(root, records, version) {
  const header = JSON.stringify({ version, timestamp: isoNow() });
  // The caller's map may change while the file is being written: this is what was asked to be kept.
  const ids = [...records.keys()];
  const values = [...records.values()];
  const name = await translated(() =>
    createNumbered(path.join(root, SNAPSHOTS), snapshotName, async (handle) => {
      let text = `${header}\n`;
      for (const [index, id] of ids.entries()) {
        text += `${JSON.stringify({ id, data: values[index] })}\n`;
        if (text.length >= WRITE_CHARACTERS) {
          await handle.appendFile(text);
          text = "";
        }
      }
      await handle.appendFile(text);
    }),
  );
  return `${SNAPSHOTS}/${name}`;
}

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

async function* entriesOf(handle, filePath) {
  let header;
  for await (const lines of readLines(handle, filePath)) {
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
  const whole = header ?? parse(decode(await readWhole(handle), filePath, 0), filePath, 0);
  const { entries, version } = legacy(whole, filePath);
  yield entries;
  return version;
}

async function readWhole(handle) {
  const { size } = await handle.stat();
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await handle.read(bytes, filled, size - filled, filled);
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
    const handle = await fs.open(filePath, "r");
    try {
      return yield* entriesOf(handle, filePath);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error.code === "ENOENT" ? error : ioError(error);
  }
}

/** Reads a whole snapshot. */
async function loadSnapshot(filePath) {
  const records = new Map();
  const batches = readSnapshot(filePath);
  for (;;) {
    const { done, value } = await batches.next();
    if (done) return { records, version: value };
    for (const [id, record] of value) records.set(id, record);
  }
}

module.exports = { writeSnapshot, loadSnapshot, readSnapshot };
