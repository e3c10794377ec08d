"use strict";

// Appends to logs. Each append is an object that must not exist yet, under the one name that comes next: of two writers only
// one can make it. A log is closed by an object without content under that name, so that a writer that was replaced fails.

const { Buffer } = require("../platform/builtins").buffer;
const { opslogError } = require("../errors/errors");
const { bodyOf } = require("./lines");
const { firstOf, numberOf, part } = require("./names");

/** How often a name is tried that others take first. */
const ATTEMPTS = 100;
const NOTHING = Buffer.alloc(0);

class LogWriter {
  #objects;
  #reader;
  #rollUps;
  #cache;
  /** The number of the next part, by log. */
  #next = new Map();

  constructor({ objects, reader, rollUps, cache }) {
    this.#objects = objects;
    this.#reader = reader;
    this.#rollUps = rollUps;
    this.#cache = cache;
  }

  /** A log that this process has named: it has no parts. */
  begin(log) {
    this.#next.set(log, firstOf(log));
  }

  async append(log, operations) {
    const body = bodyOf(operations.map((operation) => JSON.stringify(operation)));
    const number = await this.#create(log, body);
    if (number === null) throw closed(log);
    this.#reader.appended(log, number, body);
    this.#rollUps.appended(log, number, body);
  }

  /** Closes a log. Appends that are in it stay. */
  async close(log) {
    await this.#create(log, NOTHING);
    this.#next.delete(log);
  }

  /** Creates the next part. Returns its number, or `null` if the log is closed. */
  async #create(log, body) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const number = this.#next.get(log) ?? (await this.#free(log));
      // NOTE: an append that fails may have taken effect: the next one looks.
      this.#next.delete(log);
      if (number === null) return null;
      if ((await this.#objects.create(part(log, number), body)) !== null) {
        if (body.length > 0) this.#next.set(log, number + 1);
        return number;
      }
      if (await this.#isClosed(log, number)) return null;
    }
    throw opslogError("OPSLOG_LOCKED", `Other writers append to ${log} all the time`);
  }

  /** The number of the next part by what is there; `null` if the log is closed. */
  async #free(log) {
    const known = this.#cache.get(log);
    if (known?.isClosed) return null;
    const last = await this.#reader.lastOf(log, known);
    if (last === undefined) return known?.next ?? firstOf(log) ?? 1;
    return last.size === 0 ? null : numberOf(last.path) + 1;
  }

  async #isClosed(log, number) {
    const found = await this.#objects.get(part(log, number));
    return found !== null && found.body.length === 0;
  }

  /** Takes the last operation out of a log. The store does not do so here: it puts a copy in the log's place. */
  async cut(log) {
    const items = (await this.#objects.list(`${log}/`)).filter(({ size }) => size > 0);
    const last = items.at(-1);
    const found = last && (await this.#objects.get(last.path));
    this.#cache.forget(log);
    this.#next.delete(log);
    if (!found) return false;
    await this.#rollUps.forget(log);
    const kept = found.body.toString().split("\n").filter(Boolean).slice(0, -1);
    if (kept.length === 0) await this.#objects.delete(last.path);
    else await this.#objects.put(last.path, bodyOf(kept));
    return true;
  }

  forgetAll() {
    this.#next.clear();
  }
}

function closed(log) {
  return opslogError("OPSLOG_LOCKED", `Another writer has taken this store over: the log ${log} is closed`);
}

module.exports = { LogWriter };
