/** Reads what a page has sent: an object as JSON, and not too much of it. */
import { Refused } from "./errors.mjs";

const MOST_BYTES = 4 << 20;

export async function readArguments(request) {
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    throw new Refused(415, "The body must be application/json.");
  }
  if (Number(request.headers["content-length"] ?? 0) > MOST_BYTES) throw tooLarge();
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > MOST_BYTES) throw tooLarge();
    pieces.push(piece);
  }
  let value;
  try {
    value = JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch {
    throw new Refused(400, "The body is no JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refused(400, "The body must be an object.");
  }
  return value;
}

function tooLarge() {
  return new Refused(413, `The body has more than ${MOST_BYTES} bytes.`);
}
