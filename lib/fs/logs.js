"use strict";

// One log as a file. The native side appends to it and cuts it; here changes of a file keep the order of their calls.

const { messages, wrongType } = require("../errors/errors");
const { settle } = require("../errors/native");
const { warn } = require("../errors/warnings");
const { parseOperations } = require("../operations/texts");
const { reading, writing } = require("./calls");
const { listsOf } = require("./lists");

const queues = new Map();

/** Runs one change of a file after the other, whichever backend of this process asks for them. */
function exclusively(file, work) {
  const result = (queues.get(file) ?? Promise.resolve()).then(work);
  const settled = result.then(
    () => {},
    () => {},
  );
  queues.set(file, settled);
  settled.then(() => queues.get(file) === settled && queues.delete(file));
  return result;
}

function textOf(operation) {
  const text = JSON.stringify(operation);
  if (text === undefined)
    throw wrongType("appendOps() takes operations, and JSON has no text for one of them");
  return text;
}

/** Appends operations, creating the log if it is missing. All of them are in the file afterwards, or none. */
async function appendOps(root, file, ops) {
  const lists = [...listsOf(ops.map(textOf))];
  if (lists.length === 0) return;
  await exclusively(file, () => writing(root, (addon) => addon.logAppend(file, lists)));
}

/**
 * Reads a log's operations. A missing log is empty; malformed lines are skipped and their number is printed;
 * a batch whose last line is not there yet is left out.
 */
async function readOps(root, file) {
  const cursor = await reading(root, (addon) => addon.logRead(file));
  const ops = [];
  for (;;) {
    const piece = parseOperations(await settle(cursor.next()));
    if (piece.length === 0) break;
    for (const op of piece) ops.push(op);
  }
  const skipped = cursor.skipped();
  if (skipped > 0) warn(messages.skippedLines(skipped, file));
  return ops;
}

/** Takes the last operation out of a log. Returns `false` if there is none, or no log. */
function truncateLastOp(root, file) {
  return exclusively(file, () => writing(root, (addon) => addon.logCutLast(file)));
}

/** A program has deleted a log itself, or a folder of logs: that they are missing is not told. Best effort. */
async function forget(root, relativePath) {
  const log = relativePath.replace(/\/+$/, "");
  if (log !== "ops" && !log.startsWith("ops/")) return;
  await writing(root, (addon) => addon.logDeleted(root, log)).catch(() => {});
}

module.exports = { appendOps, forget, readOps, truncateLastOp };
