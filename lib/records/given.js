"use strict";

// Which values that a program sets are kept, as copies, as the objects of their records, so that the next look at these makes none: those of
// records whose objects are known, as long as objects are looked at.

const { plainCopy } = require("./plain-copy");

/** So many copies are made between two looks. */
const UNSEEN = 1000;
/** After values of which there is no copy, so many go by, at most, before the next one is tried. */
const LONGEST_PAUSE = 1024;

class Given {
  #unseen = 0;
  #pause = 1;
  #passing = 0;

  /** An object was looked at. */
  seen() {
    if (this.#unseen > 0) this.#unseen = 0;
  }

  /** A copy of a value that takes the place of a known object, to be kept; `undefined` where none is. */
  copy(value, known) {
    if (this.#unseen >= UNSEEN) return undefined;
    if (this.#passing > 0) {
      this.#passing -= 1;
      return undefined;
    }
    const copy = plainCopy(value, known);
    if (copy === undefined) {
      this.#passing = this.#pause;
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    } else {
      this.#unseen += 1;
      this.#pause = 1;
    }
    return copy;
  }
}

module.exports = { Given };
