"use strict";

// Bodies of lines: a log's part, a roll-up, a snapshot.

const { Buffer } = require("../platform/builtins").buffer;
const PIECE = 1 << 20;

/** A body of lines, built in pieces: it may be longer than a string can be. */
function bodyOf(lines) {
  const pieces = [];
  let text = "";
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length > PIECE) {
      pieces.push(Buffer.from(text));
      text = "";
    }
  }
  pieces.push(Buffer.from(text));
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** The lines of a body, one by one, without those that are empty. */
function* linesOf(body) {
  let start = 0;
  while (start < body.length) {
    const newline = body.indexOf(10, start);
    const end = newline === -1 ? body.length : newline;
    if (end > start) yield body.toString("utf8", start, end);
    start = end + 1;
  }
}

module.exports = { bodyOf, linesOf };
