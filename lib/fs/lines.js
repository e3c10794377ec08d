"use strict";

// Lines of files of any size, forwards and backwards. A line ends at \n and nowhere else; lines are cut as
// bytes and decoded one by one, so nothing depends on how long a file is.

const { Buffer } = require("../platform/builtins").buffer;
const { opslogError } = require("../errors/errors");

const NEWLINE = 0x0a;
const CHUNK_BYTES = 1 << 20;

/** Decodes one line; only a single line of over half a gigabyte fails. */
function decode(bytes, path, offset) {
  try {
    return bytes.toString("utf8");
  } catch (cause) {
    throw opslogError("OPSLOG_CORRUPT", `${path}: a line of ${bytes.length} bytes is too long to be read`, {
      cause,
      path,
      offset,
    });
  }
}

/** Reads exactly the bytes from `start` to `end`; fewer only at the end of the file. */
async function readRange(handle, start, end) {
  const bytes = Buffer.allocUnsafe(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/**
 * Yields the file's lines in arrays, about a megabyte at a time: `{text, offset, terminated}`, where only the
 * last line can be unterminated.
 */
async function* readLines(handle, path) {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let position = 0;
  let lineStart = 0;
  let pieces = [];
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    const lines = [];
    let from = 0;
    for (;;) {
      const at = chunk.subarray(0, bytesRead).indexOf(NEWLINE, from);
      if (at === -1) break;
      const tail = chunk.subarray(from, at);
      const bytes = pieces.length === 0 ? tail : Buffer.concat([...pieces, tail]);
      pieces = [];
      lines.push({ text: decode(bytes, path, lineStart), offset: lineStart, terminated: true });
      from = at + 1;
      lineStart = position + from;
    }
    if (from < bytesRead) pieces.push(Buffer.from(chunk.subarray(from, bytesRead)));
    position += bytesRead;
    if (lines.length > 0) yield lines;
  }
  if (pieces.length > 0) {
    yield [{ text: decode(Buffer.concat(pieces), path, lineStart), offset: lineStart, terminated: false }];
  }
}

/** Where the line begins that ends at `end` (the offset of its newline, or of the end of the file). */
async function lineStartBefore(handle, end) {
  let upper = end;
  while (upper > 0) {
    const lower = Math.max(0, upper - 65536);
    const at = (await readRange(handle, lower, upper)).lastIndexOf(NEWLINE);
    if (at !== -1) return lower + at + 1;
    upper = lower;
  }
  return 0;
}

module.exports = { NEWLINE, decode, readRange, readLines, lineStartBefore };
