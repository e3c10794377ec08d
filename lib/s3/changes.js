"use strict";

// Whether any writer has changed anything, in one request: a listing that begins at the manifest and goes through all logs. Where
// that is more than a page, the manifest's ETag and the ends of the logs that it names, one request each.

const { createHash } = require("../platform/builtins").crypto;
const { BEFORE_MANIFEST, MANIFEST } = require("./names");

const isTold = ({ path }) => path === MANIFEST || path.startsWith("ops/");

class Changes {
  #objects;
  #cache;
  #isLong = false;

  constructor(objects, cache) {
    this.#objects = objects;
    this.#cache = cache;
  }

  /** A text that differs once the manifest was replaced or a log was appended to. `logs` are those of the manifest. */
  async token(logs) {
    if (this.#isLong) return this.#ofEach(logs);
    const { items, isTruncated } = await this.#objects.page("", BEFORE_MANIFEST);
    if (isTruncated && isTold(items.at(-1))) {
      this.#isLong = true;
      return this.#ofEach(logs);
    }
    const told = items.filter(isTold).map(({ path, etag }) => `${path} ${etag}`);
    return createHash("sha256").update(told.join("\n")).digest("base64");
  }

  async #ofEach(logs) {
    const ends = logs.map((log) => this.#objects.list(`${log}/`, this.#cache.get(log)?.last));
    const [etag, ...found] = await Promise.all([this.#objects.head(MANIFEST), ...ends]);
    const texts = found.map((items, at) => items.at(-1)?.path ?? this.#cache.get(logs[at])?.last ?? logs[at]);
    return `each ${etag} ${texts.join(" ")}`;
  }
}

module.exports = { Changes };
