"use strict";

// One write-ahead log as a file: append, read, and take the last operation back. An append that fails
// leaves the file as it was; a torn tail is set aside before anything is written behind it.

const { Buffer } = require("../platform/builtins").buffer;
const { constants } = require("../platform/builtins").fs;
const fs = require("../platform/builtins").fsPromises;
const { ioError, messages, opslogError } = require("../errors/errors");
const { validateOp } = require("../operations/validate");
const { warn } = require("../errors/warnings");
const { NO_FOLLOW, translated } = require("./durable");
const { readLines } = require("./lines");
const { cutBack, lastOperation, repairTail } = require("./wal-tail");

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_FOLLOW;
const MODIFY = constants.O_RDWR | NO_FOLLOW;
const WRITE_BYTES = 4 << 20;

const queues = new Map();

/** Runs one change of a file after the other, whoever in this process asks for them. */
function exclusively(path, work) {
  const result = (queues.get(path) ?? Promise.resolve()).then(work);
  const settled = result.then(
    () => {},
    () => {},
  );
  queues.set(path, settled);
  settled.then(() => queues.get(path) === settled && queues.delete(path));
  return result;
}

/** The lines of some operations, as buffers of a few megabytes. All of them exist before a byte is written. */
function encode(ops) {
  const buffers = [];
  let text = "";
  for (const op of ops) {
    text += `${JSON.stringify(op)}\n`;
    if (text.length >= WRITE_BYTES) {
      buffers.push(Buffer.from(text));
      text = "";
    }
  }
  if (text !== "") buffers.push(Buffer.from(text));
  return buffers;
}

/** Opens an existing log for reading and cutting; `null` if there is none. */
async function openExisting(path) {
  try {
    return await fs.open(path, MODIFY);
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

/** Sets a torn tail aside. Returns the length of the log afterwards. */
async function prepare(path) {
  const handle = await openExisting(path);
  if (handle === null) return 0;
  try {
    return await repairTail(handle, path);
  } finally {
    await handle.close();
  }
}

async function append(path, buffers) {
  const length = await prepare(path);
  const handle = await fs.open(path, APPEND, 0o666);
  try {
    for (const buffer of buffers) await handle.appendFile(buffer);
  } catch (error) {
    await cutBack(path, length).catch((cutError) => {
      throw opslogError(
        "OPSLOG_FAILED",
        `Store refuses writes after a failure: ${error.message}, and the log could not be cut back ` +
          `(${cutError.message}). Close it and open it again to recover.`,
        { cause: error, path },
      );
    });
    throw error;
  } finally {
    await handle.close();
  }
}

/** Appends operations, creating the log if it is missing. All of them are in the file afterwards, or none. */
async function appendOps(path, ops) {
  const buffers = encode(ops);
  if (buffers.length > 0) await translated(() => exclusively(path, () => append(path, buffers)));
}

function parseOperation(text) {
  try {
    return validateOp(JSON.parse(text));
  } catch {
    return null;
  }
}

/** How many operations at the end belong to a batch whose last line never came. */
function unfinished(ops) {
  let count = 0;
  while (ops.at(-1 - count)?.batch === "more") count += 1;
  return count;
}

async function collect(handle, path) {
  const ops = [];
  let skipped = 0;
  let blank = 0; // counts as malformed only between other lines: the whole text is taken trimmed
  let started = false;
  for await (const lines of readLines(handle, path)) {
    for (const { text } of lines) {
      if (text === "") continue;
      if (text.trim() === "") {
        if (started) blank += 1;
        continue;
      }
      const op = parseOperation(started ? text : text.trimStart());
      started = true;
      skipped += blank;
      blank = 0;
      if (op === null) skipped += 1;
      else ops.push(op);
    }
  }
  ops.length -= unfinished(ops);
  return { ops, skipped };
}

/**
 * Reads a log's operations. A missing log is empty; malformed lines are skipped and their number is printed;
 * a batch whose last line is not there yet is left out.
 */
async function readOps(path) {
  let handle;
  try {
    handle = await fs.open(path, "r");
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw ioError(error);
  }
  try {
    const { ops, skipped } = await translated(() => collect(handle, path));
    if (skipped > 0) warn(messages.skippedLines(skipped, path));
    return ops;
  } finally {
    await handle.close();
  }
}

/** Takes the last operation out of a log. Returns `false` if there is none, or no log. */
function truncateLastOp(path) {
  return translated(() =>
    exclusively(path, async () => {
      const handle = await openExisting(path);
      if (handle === null) return false;
      try {
        const length = await repairTail(handle, path);
        const last = await lastOperation(handle, path, length);
        if (last === null) return false;
        await last.cut();
        return true;
      } finally {
        await handle.close();
      }
    }),
  );
}

module.exports = { appendOps, readOps, truncateLastOp };
