"use strict";

// Bodies of lines: a log's part, a roll-up, a snapshot.

const { opslogError } = require("../errors/errors");
const { validateOp } = require("../operations/validate");
const { Buffer } = require("../platform/builtins").buffer;
/** About so many characters become bytes at once. A text of this size is made where young objects are. */
const PIECE = 60 << 10;
/** How many bytes a character of UTF-16 takes at most. */
const WIDEST = 3;
/** Of about so many bytes lines are texts at once. */
const AT_ONCE = 1 << 18;
const NEWLINE = 10;

/** The texts of a body of lines, made as they are needed. */
function* textsOf(lines) {
  let text = "";
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length > PIECE) {
      yield text;
      text = "";
    }
  }
  yield text;
}

/** The buffers of a body of lines, made as they are needed. Each may be overwritten by the next. */
function* buffersOf(lines) {
  const room = Buffer.allocUnsafeSlow(2 * PIECE * WIDEST);
  for (const text of textsOf(lines)) {
    const isLong = text.length * WIDEST > room.length;
    yield isLong ? Buffer.from(text) : room.subarray(0, room.write(text));
  }
}

/** A body of lines, built in pieces: it may be longer than a string can be. */
function bodyOf(lines) {
  const pieces = Array.from(textsOf(lines), (text) => Buffer.from(text));
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** The lines of a body, one by one, without those that are empty. */
function* linesOf(body) {
  let start = 0;
  while (start < body.length) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    if (end > start) yield body.toString("utf8", start, end);
    start = end + 1;
  }
}

/** The operations of a body of lines. */
function operationsOf(body, path) {
  const operations = [];
  for (const line of linesOf(body)) {
    try {
      operations.push(validateOp(JSON.parse(line)));
    } catch (cause) {
      throw opslogError("OPSLOG_CORRUPT", `${path}: ${cause.message}`, { cause, path });
    }
  }
  return operations;
}

/** The lines of a body that comes in pieces, some at a time. A piece may be overwritten by the next but one. */
async function* linesIn(pieces) {
  let held = [];
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length;) {
      const newline = piece.indexOf(NEWLINE, Math.min(from + AT_ONCE, piece.length - 1));
      const end = newline === -1 ? piece.lastIndexOf(NEWLINE) + 1 : newline + 1;
      if (end <= from) {
        held.push(Buffer.from(piece.subarray(from)));
        break;
      }
      const lines = piece.subarray(from, end);
      yield [...linesOf(held.length > 0 ? Buffer.concat([...held, lines]) : lines)];
      held = [];
      from = end;
    }
  }
  const rest = Buffer.concat(held);
  if (rest.length > 0) yield [...linesOf(rest)];
}

module.exports = { bodyOf, buffersOf, linesIn, linesOf, operationsOf };
