"use strict";

// Which values that a program sets are kept, as copies, as the objects of their records, so that a look at these has none to make: of records
// whose objects are known, as long as objects are looked at; and all of a store that was opened empty, while it is small.

const { plainCopy } = require("./plain-copy");

/** So many copies of records whose objects are known are made between two looks. */
const UNSEEN = 1000;
/** A store is small with so many records, whose texts have this length together. */
const SMALL = { records: 10_000, length: 4_000_000 };

class Given {
  #unseen = 0;
  /** What a store that was opened empty may still take in as a small one; `null` for others. */
  #small = null;
  #wasSeen = false;

  /** The store is empty: all that it is given is kept while it is small. */
  beginEmpty() {
    this.#small = { ...SMALL };
    this.#wasSeen = false;
  }

  /** From here on objects are kept only of records whose objects are known. */
  endSmall() {
    this.#small = null;
  }

  get isSmall() {
    return this.#small !== null;
  }

  /** Whether objects were looked at while the store was small: they must stay the same ones. */
  get wasSeen() {
    return this.#wasSeen;
  }

  /** Objects were looked at. */
  seen() {
    if (this.#unseen > 0) this.#unseen = 0;
    if (this.#small !== null) this.#wasSeen = true;
  }

  /** A copy of a value, to be kept; `undefined` where none is. */
  copy(value, isKnown) {
    if (this.#small === null) {
      if (!isKnown || this.#unseen >= UNSEEN) return undefined;
      this.#unseen += 1;
    }
    return plainCopy(value);
  }

  /** A small store was given a record whose text has this length. Returns whether it is small still. */
  take(length) {
    const small = this.#small;
    small.records -= 1;
    small.length -= length;
    return small.records >= 0 && small.length >= 0;
  }
}

module.exports = { Given };
