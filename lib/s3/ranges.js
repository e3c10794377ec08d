"use strict";

// Reads an object in ranges.

const { Buffer } = require("../platform/builtins").buffer;

/**
 * Yields an object in pieces; nothing if it is not there. The next one is on its way while one is used, and that is overwritten later:
 * V8 would let memory go far too late that each piece has for itself.
 */
async function* readInRanges(objects, path, pieceBytes) {
  let [from, total] = [0, 1];
  const free = [];
  const room = (length) => {
    const buffer = length <= pieceBytes ? (free.pop() ?? Buffer.allocUnsafeSlow(pieceBytes)) : null;
    return buffer?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
  };
  const get = (at) => objects.getInto(path, { Range: `bytes=${at}-${at + pieceBytes - 1}` }, room);
  let coming = get(0);
  while (from < total) {
    const found = await coming;
    if (found === null) {
      if (from === 0) return;
      throw Object.assign(new Error(`${path} was deleted while it was read`), { code: "ENOENT", path });
    }
    // A server that ignores ranges answers the first one with the whole object.
    const isWhole = found.size === undefined && from === 0;
    from += found.body.length;
    total = isWhole ? from : found.size;
    if (!(total >= from)) throw new Error(`The S3 server does not say which part of ${path} it has answered`);
    if (from < total) {
      coming = get(from);
      // NOTE: the caller may stop before it is awaited.
      coming.catch(() => {});
    }
    yield found.body;
    const { buffer } = found.body;
    if (buffer.byteLength === pieceBytes) free.push(Buffer.from(buffer));
  }
}

module.exports = { readInRanges };
