"use strict";

// Snapshots: objects of lines, a header and a record each, which are written once.

const { isoNow } = require("../arguments/values");
const { opslogError } = require("../errors/errors");
const { validateSnapshot } = require("../operations/validate");
const { missing } = require("./archives");
const { bodyOf, linesOf } = require("./lines");
const { newSnapshot } = require("./names");

function* linesFor(records, version) {
  yield JSON.stringify({ version, timestamp: isoNow() });
  for (const [id, data] of records) yield JSON.stringify({ id, data });
}

class Snapshots {
  #objects;

  constructor(objects) {
    this.#objects = objects;
  }

  async write(records, version) {
    const path = newSnapshot();
    await this.#objects.put(path, bodyOf(linesFor(records, version)));
    return path;
  }

  async load(path) {
    const found = await this.#objects.get(path);
    if (found === null) throw missing(path);
    try {
      return read(found.body);
    } catch (cause) {
      throw opslogError("OPSLOG_CORRUPT", `${path}: ${cause.message}`, { cause, path });
    }
  }
}

function read(body) {
  const lines = linesOf(body);
  const header = JSON.parse(lines.next().value ?? "");
  // One JSON text, as opslog-s3 once wrote them.
  if ("records" in header) {
    const { records, version } = validateSnapshot(header);
    return { records: new Map(Object.entries(records)), version };
  }
  const records = new Map();
  for (const line of lines) {
    const { id, data } = JSON.parse(line);
    records.set(id, data);
  }
  return { records, version: header.version };
}

module.exports = { Snapshots };
