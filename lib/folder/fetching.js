"use strict";

// Single records of a folder of which nothing was loaded: a reader of its own has them, which is opened when the first is asked for,
// and looks again when there may be something new.

class Fetching {
  #open;
  #reader = null;
  #isOutdated = false;
  /** The last call; one looks after the other. */
  #last = Promise.resolve();

  /** `open` opens the reader. */
  constructor(open) {
    this.#open = open;
  }

  /** A list of the value of a record as JSON has it; `null` if there is none. */
  fetch(id) {
    const found = this.#last.then(() => this.#read(id));
    this.#last = found.catch(() => {});
    return found;
  }

  async #read(id) {
    if (this.#reader === null) {
      this.#isOutdated = false;
      this.#reader = await this.#open();
    }
    if (this.#isOutdated) {
      this.#isOutdated = false;
      try {
        await this.#reader.refresh();
      } catch (error) {
        this.#isOutdated = true;
        throw error;
      }
    }
    const { records } = this.#reader;
    return records.has(id) ? [records.plain(id)] : null;
  }

  /** The next call looks at the folder. */
  outdate() {
    this.#isOutdated = true;
  }

  async close() {
    await this.#last;
    await this.#reader?.close();
    this.#reader = null;
  }
}

/** How the reader is opened, given how the store is. */
function readerOptions(options) {
  return Object.freeze({
    ...options,
    readOnly: true,
    skipLoad: false,
    agentId: undefined,
    backend: undefined,
    writeMode: "immediate",
    durability: "process",
    onProgress: undefined,
    retain: undefined,
    keepUndo: 0,
    indexes: undefined,
  });
}

module.exports = { Fetching, readerOptions };
