"use strict";

// Lists what was appended to logs: one request where several logs are asked for at once.

const { setImmediate } = require("../platform/timers");

const LOGS = "ops/";
/** Where the logs have more objects than a page, so many times each is listed by itself. */
const ALONE = 32;

class LogListing {
  #objects;
  #asked = [];
  /** How many times each log is still listed by itself. */
  #alone = 0;

  constructor(objects) {
    this.#objects = objects;
  }

  /** A page of the objects of a log, behind a path. What is asked for in one turn of the event loop is listed together. */
  page(log, after) {
    return new Promise((resolve, reject) => {
      this.#asked.push({ log, after, resolve, reject });
      if (this.#asked.length === 1) setImmediate(() => this.#answer(this.#asked.splice(0)));
    });
  }

  async #answer(asked) {
    try {
      const together = await this.#together(asked);
      for (const { log, after, resolve } of asked) {
        const isOf = ({ path }) => path.startsWith(`${log}/`) && (after === undefined || path > after);
        if (together === null) resolve(this.#objects.page(`${log}/`, after));
        else resolve({ items: together.filter(isOf), isTruncated: false });
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  /** The objects of all logs that are asked for, and of those between them; `null` if each is to be listed by itself. */
  async #together(asked) {
    if (asked.length === 1) return null;
    if (this.#alone > 0) {
      this.#alone--;
      return null;
    }
    const [first] = asked.map(({ log, after }) => after ?? log).sort();
    const { items, isTruncated } = await this.#objects.page(LOGS, first);
    if (isTruncated) this.#alone = ALONE;
    return isTruncated ? null : items;
  }
}

module.exports = { LogListing };
