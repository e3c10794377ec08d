"use strict";

// Archive segments: one pretty-printed JSON document each, with the records of a period. Written member by
// member, so that a segment may be larger than the longest string.

const fs = require("../platform/builtins").fsPromises;
const { path } = require("../platform/builtins");
const { corruptError, ioError } = require("../errors/errors");
const { checkPeriod } = require("../arguments/paths");
const { validateArchiveSegment } = require("../operations/validate");
const { isoNow } = require("../arguments/values");
const { replaceFile, translated } = require("./durable");
const { ARCHIVE, archiveName } = require("./names");
const { readDocument } = require("./document");

const WRITE_CHARACTERS = 1 << 20;

async function readSegment(filePath) {
  let parsed;
  try {
    parsed = await readDocument(filePath);
    return validateArchiveSegment(parsed);
  } catch (error) {
    if (error.code === "ENOENT") throw error;
    throw error.syscall === undefined ? corruptError(error, filePath) : ioError(error);
  }
}

async function existingRecords(filePath) {
  try {
    return (await readSegment(filePath)).records;
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}

/** What `JSON.stringify(segment, null, 2)` prints, piece by piece. */
function* pretty(period, records) {
  const head = { version: 1, period, timestamp: isoNow() };
  yield JSON.stringify(head, null, 2).slice(0, -"\n}".length);
  yield ',\n  "records": {';
  let separator = "\n";
  for (const id of Object.keys(records)) {
    const text = JSON.stringify(records[id], null, 2);
    if (text === undefined) continue; // undefined, a function or a symbol: no member in an object
    yield `${separator}    ${JSON.stringify(id)}: ${text.replaceAll("\n", "\n    ")}`;
    separator = ",\n";
  }
  yield separator === "\n" ? "}\n}" : "\n  }\n}";
}

/** Adds records to the segment of a period, creating it if it is missing. Returns its path inside the store. */
async function writeArchiveSegment(root, period, records) {
  checkPeriod(period);
  const added = [...records];
  const name = archiveName(period);
  const filePath = path.join(root, ARCHIVE, name);
  // Without a prototype every id is an ordinary key, `__proto__` too.
  const merged = Object.assign(Object.create(null), await existingRecords(filePath));
  for (const [id, record] of added) merged[id] = record;
  await translated(() =>
    replaceFile(filePath, async (handle) => {
      let text = "";
      for (const piece of pretty(period, merged)) {
        text += piece;
        if (text.length >= WRITE_CHARACTERS) {
          await handle.appendFile(text);
          text = "";
        }
      }
      await handle.appendFile(text);
    }),
  );
  return `${ARCHIVE}/${name}`;
}

/** Reads a segment's records. A missing file keeps Node's own `ENOENT`. */
async function loadArchiveSegment(filePath) {
  return new Map(Object.entries((await readSegment(filePath)).records));
}

/** The paths of all segments in the folder. */
async function listArchiveSegments(root) {
  let names;
  try {
    names = await fs.readdir(path.join(root, ARCHIVE));
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw ioError(error);
  }
  return names
    .filter((name) => name.startsWith("archive-") && name.endsWith(".json"))
    .map((name) => `${ARCHIVE}/${name}`);
}

module.exports = { writeArchiveSegment, loadArchiveSegment, listArchiveSegments };
