"use strict";

// What was known of the records that a batch changes, before it did, so that it can be known again.

class KnownBefore {
  #known = new Map();
  /** The ids of records of which nothing was known. */
  #unknown = [];

  /** A record of `map`, the objects that are known, is about to be set or deleted. */
  note(map, id, isDeleted) {
    const noted = this.#known.size === 0 ? undefined : this.#known.get(id);
    if (noted === undefined && !isDeleted && (map.size === 0 || !map.has(id))) {
      this.#unknown.push(id);
      return;
    }
    if (noted !== undefined) noted.isDeleted ||= isDeleted;
    else this.#known.set(id, { isThere: map.has(id), value: map.get(id), isDeleted });
  }

  /** Ids, each with whether an object of it was known, which one, and whether the batch deleted the record. */
  all() {
    const known = new Map(this.#known);
    // What was noted of such a record later is what the batch itself made of it.
    for (const id of this.#unknown) {
      known.set(id, { isThere: false, value: undefined, isDeleted: known.get(id)?.isDeleted ?? false });
    }
    return known;
  }
}

module.exports = { KnownBefore };
