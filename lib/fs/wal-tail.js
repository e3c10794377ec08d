"use strict";

// The end of a write-ahead log: what a crash left there, and which operation is the last. What is cut off
// without having been an operation is kept beside the log as `<wal>.torn`.

const { Buffer } = require("../platform/builtins").buffer;
const { constants } = require("../platform/builtins").fs;
const fs = require("../platform/builtins").fsPromises;
const { validateOp } = require("../operations/validate");
const { NO_FOLLOW, syncFile } = require("./durable");
const { NEWLINE, decode, lineStartBefore, readRange } = require("./lines");

const TORN = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_FOLLOW;
const COPY_BYTES = 1 << 20;

const MORE = Buffer.from('"batch":"more"');
const LAST = Buffer.from('"batch":"last"');
// Our own fields stand at the end of a line and are short; the marker is looked for there first.
const MARKER_WINDOW_BYTES = 4096;

function parse(bytes, path, offset) {
  try {
    return JSON.parse(decode(bytes, path, offset));
  } catch {
    return undefined;
  }
}

/** Copies a part of the log to `<wal>.torn` and syncs that, so that nothing is lost by cutting it off. */
async function setAside(handle, path, start, end) {
  const torn = await fs.open(`${path}.torn`, TORN, 0o666);
  try {
    for (let at = start; at < end; at += COPY_BYTES) {
      await torn.appendFile(await readRange(handle, at, Math.min(end, at + COPY_BYTES)));
    }
    await torn.appendFile("\n");
    await syncFile(torn);
  } finally {
    await torn.close();
  }
}

/** The last line at or before `end`, without blank ones: its offsets, the second without the newline. */
async function lineBefore(handle, end) {
  let upper = end;
  while (upper > 0) {
    const start = await lineStartBefore(handle, upper - 1);
    if ((await readRange(handle, start, upper)).toString("latin1").trim() !== "")
      return { start, end: upper - 1 };
    upper = start;
  }
  return null;
}

/** Whether a line says that its batch goes on behind it. */
async function saysMore(handle, path, line) {
  const from = Math.max(line.start, line.end - MARKER_WINDOW_BYTES);
  if (!(await readRange(handle, from, line.end)).includes(MORE)) return false;
  return parse(await readRange(handle, line.start, line.end), path, line.start)?.batch === "more";
}

/** Where the log ends without the lines of a batch that never got its last one. */
async function endOfWholeBatches(handle, path, length) {
  let end = length;
  for (;;) {
    const line = await lineBefore(handle, end);
    if (line === null || !(await saysMore(handle, path, line))) return end;
    end = line.start;
  }
}

/**
 * Makes the log end with a whole line: gives a complete last line its newline, sets a torn one or an
 * unfinished batch aside. Returns the log's length afterwards.
 */
async function repairTail(handle, path) {
  const { size } = await handle.stat();
  if (size === 0) return 0;
  let end = size;
  const ending = await readRange(handle, size - 1, size);
  if (ending[0] !== NEWLINE) {
    const start = await lineStartBefore(handle, size);
    const whole = parse(await readRange(handle, start, size), path, start) !== undefined;
    if (whole) {
      await handle.write("\n", size);
      end = size + 1;
    } else {
      end = start;
    }
  }
  const good = await endOfWholeBatches(handle, path, end);
  if (good < size) {
    await setAside(handle, path, good, size);
    await handle.truncate(good);
  }
  return good;
}

function isOperation(value) {
  try {
    validateOp(value);
    return true;
  } catch {
    return false;
  }
}

/** Ends the batch that the line belongs to, by a change of its marker that keeps its length. */
async function endBatchAt(handle, path, line) {
  if (line === null || !(await saysMore(handle, path, line))) return;
  const bytes = await readRange(handle, line.start, line.end);
  await handle.write(LAST, 0, LAST.length, line.start + bytes.lastIndexOf(MORE));
}

/** The last operation of a log that ends with a whole line: `{cut()}`, or `null` if it holds none. */
async function lastOperation(handle, path, length) {
  let line = await lineBefore(handle, length);
  while (
    line !== null &&
    !isOperation(parse(await readRange(handle, line.start, line.end), path, line.start))
  ) {
    line = await lineBefore(handle, line.start);
  }
  if (line === null) return null;
  const { start, end } = line;
  return {
    async cut() {
      if (end + 1 < length) await setAside(handle, path, end + 1, length);
      // NOTE: first the marker, then the cut: between the two the batch is whole, after the other order it
      // would be unfinished, and the next opener would drop all of it.
      await endBatchAt(handle, path, await lineBefore(handle, start));
      await handle.truncate(start);
    },
  };
}

/** Cuts a log back to the length that it had before a failed append. */
async function cutBack(path, length) {
  const handle = await fs.open(path, constants.O_RDWR | NO_FOLLOW);
  try {
    const { size } = await handle.stat();
    if (size > length) await handle.truncate(length);
  } finally {
    await handle.close();
  }
}

module.exports = { cutBack, lastOperation, repairTail };
