"use strict";

// Snapshots: objects of lines, a header and a record each, which are written once, and read and written in pieces.

const { isoNow } = require("../arguments/values");
const { opslogError } = require("../errors/errors");
const { validateSnapshot } = require("../operations/validate");
const { missing } = require("./archives");
const { buffersOf, linesIn } = require("./lines");
const { newSnapshot } = require("./names");

function* linesFor(records, version) {
  yield JSON.stringify({ version, timestamp: isoNow() });
  for (const [id, data] of records) yield JSON.stringify({ id, data });
}

function* told(buffers, onBytes) {
  for (const buffer of buffers) {
    onBytes(buffer);
    yield buffer;
  }
}

class Snapshots {
  #large;

  constructor(large) {
    this.#large = large;
  }

  /** Writes records, which are taken one by one as they are needed. `onBytes` gets all bytes, in order. */
  async write(records, version, onBytes = () => {}) {
    const path = newSnapshot();
    await this.#large.write(path, told(buffersOf(linesFor(records, version)), onBytes));
    return path;
  }

  /** Yields ids and records, some at a time. Returns their schema version. */
  async *read(path) {
    let version;
    for await (const lines of linesIn(this.#large.read(path))) {
      try {
        if (version === undefined) {
          const header = JSON.parse(lines.shift() ?? "");
          // One JSON text, as opslog-s3 once wrote them.
          if ("records" in header) {
            const { records, version: number } = validateSnapshot(header);
            yield Object.entries(records);
            return number;
          }
          version = header.version;
        }
        yield lines.map(recordOf);
      } catch (cause) {
        throw opslogError("OPSLOG_CORRUPT", `${path}: ${cause.message}`, { cause, path });
      }
    }
    if (version === undefined) throw missing(path);
    return version;
  }

  async load(path) {
    const records = new Map();
    const pieces = this.read(path);
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) return { records, version: value };
      for (const [id, data] of value) records.set(id, data);
    }
  }
}

function recordOf(line) {
  const { id, data } = JSON.parse(line);
  return [id, data];
}

module.exports = { Snapshots };
