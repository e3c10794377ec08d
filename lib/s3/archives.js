"use strict";

// Archive segments: objects that grow. Each change is made to what was read, on the condition that it is still there.

const { isoNow } = require("../arguments/values");
const { Buffer } = require("../platform/builtins").buffer;
const { opslogError } = require("../errors/errors");
const { validateArchiveSegment } = require("../operations/validate");
const { segment } = require("./names");

/** How often a change is tried that others overtake. */
const ATTEMPTS = 20;

function parse(body) {
  return validateArchiveSegment(JSON.parse(body.toString())).records;
}

class Archives {
  #objects;

  constructor(objects) {
    this.#objects = objects;
  }

  async add(period, records) {
    const path = segment(period);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await this.#objects.get(path);
      const before = found === null ? {} : parse(found.body);
      const merged = Object.fromEntries([...Object.entries(before), ...records]);
      const content = { version: 1, period, timestamp: isoNow(), records: merged };
      const body = Buffer.from(JSON.stringify(content, null, 2));
      const etag = await (found === null
        ? this.#objects.create(path, body)
        : this.#objects.replace(path, body, found.etag));
      if (etag !== null) return path;
    }
    throw opslogError("OPSLOG_LOCKED", `Other writers change the archive segment ${path} all the time`);
  }

  async load(path) {
    const found = await this.#objects.get(path);
    if (found === null) throw missing(path);
    return new Map(Object.entries(parse(found.body)));
  }
}

/** There is no such object. */
function missing(path) {
  return Object.assign(new Error(`There is no object ${path}`), { code: "ENOENT", path });
}

module.exports = { Archives, missing };
