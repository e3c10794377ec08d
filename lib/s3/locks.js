"use strict";

// Locks are objects that their holder writes anew. They spare needless work; no write depends on them. Whether one has run
// out is told by the server's clock alone: when the object was written, and what time it is. What stands in it is what opslog-s3 reads.

const { now } = require("../arguments/values");
const { Buffer } = require("../platform/builtins").buffer;
const { randomUUID } = require("../platform/builtins").crypto;
const os = require("../platform/builtins").os;
const { process } = require("../platform/builtins");
const { opslogError } = require("../errors/errors");
const { clearInterval, setInterval } = require("../platform/timers");

/** How often a holder writes its lock anew within the time that the lock lasts. */
const RENEWALS = 3;

class Locks {
  #objects;
  #ttlMs;

  constructor(objects, ttlMs) {
    this.#objects = objects;
    this.#ttlMs = ttlMs;
  }

  /** Takes the lock of a path. Rejects with `OPSLOG_LOCKED` while another holds it. */
  async acquire(path) {
    const owner = randomUUID();
    const found = await this.#objects.get(path);
    if (found !== null && isHeld(found)) throw held(this.#objects.key(path));
    const body = this.#body(owner, this.#ttlMs);
    const etag = await (found === null
      ? this.#objects.create(path, body)
      : this.#objects.replace(path, body, found.etag));
    if (etag === null) throw held(this.#objects.key(path));
    const handle = { path, owner, etag, renewing: null, timer: null };
    handle.timer = setInterval(() => this.#renew(handle), this.#ttlMs / RENEWALS);
    handle.timer.unref();
    return handle;
  }

  #renew(handle) {
    handle.renewing ??= this.#objects
      .replace(handle.path, this.#body(handle.owner, this.#ttlMs), handle.etag)
      .then((etag) => {
        if (etag === null) clearInterval(handle.timer);
        else handle.etag = etag;
      })
      .catch(() => {})
      .finally(() => (handle.renewing = null));
  }

  /** Gives a lock back. If another holds it by now, it stays as it is. */
  async release(handle) {
    clearInterval(handle.timer);
    await handle.renewing;
    await this.#objects.replace(handle.path, this.#body(handle.owner, 0), handle.etag);
  }

  #body(owner, ttlMs) {
    const holder = { agent: `pid-${process.pid}`, hostname: os.hostname(), pid: process.pid };
    const timestamp = ttlMs === 0 ? 0 : now();
    return Buffer.from(JSON.stringify({ ...holder, owner, timestamp, ttlMs, renewal: randomUUID() }));
  }
}

/** One that does not say for how long it lasts has no holder that could. */
function isHeld({ body, ageMs }) {
  try {
    return ageMs < JSON.parse(body.toString()).ttlMs;
  } catch {
    return false;
  }
}

function held(key) {
  return opslogError("OPSLOG_LOCKED", `Store is locked by another writer. Lock key: ${key}`);
}

module.exports = { Locks };
