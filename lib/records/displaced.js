"use strict";

// The objects that changes have taken the place of, so that undo() brings the same ones back. They are held weakly: that
// an object is the same can be seen only while it is held elsewhere.

/** For how many changes at most that is remembered. */
const MOST = 20_000;

class Displaced {
  #changes = 0;
  #entries = [];

  /** A record was changed whose object was `known`, or which was not looked at. */
  note(id, known) {
    this.#changes += 1;
    if (typeof known !== "object" || known === null) return;
    if (this.#entries.length === MOST) this.#entries.splice(0, MOST / 2);
    this.#entries.push({ id, change: this.#changes, object: new WeakRef(known) });
  }

  /** The last change is taken back, one of this record. Returns the object that it took the place of, if that is known. */
  takeBack(id) {
    const change = this.#changes;
    this.#changes -= 1;
    if (this.#entries.at(-1)?.change !== change) return undefined;
    const last = this.#entries.pop();
    return last.id === id ? last.object.deref() : undefined;
  }

  /** Another hand may have changed records. */
  forget() {
    this.#entries = [];
  }
}

module.exports = { Displaced };
