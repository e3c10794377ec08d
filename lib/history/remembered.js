"use strict";

/** Objects that callers hold, as long as they do: what a caller drops is left to the collector. */
class Remembered {
  #refs = new Set();
  /** At so many those are left out that were collected. */
  #full = 16;

  /** Returns what `forget()` takes. */
  add(object) {
    if (this.#refs.size >= this.#full) {
      for (const ref of this.#refs) if (ref.deref() === undefined) this.#refs.delete(ref);
      this.#full = Math.max(16, 2 * this.#refs.size);
    }
    const ref = new WeakRef(object);
    this.#refs.add(ref);
    return ref;
  }

  forget(ref) {
    this.#refs.delete(ref);
  }

  /** Calls a function with each that is still held, and forgets all of them. */
  end(each) {
    const refs = [...this.#refs];
    this.#refs.clear();
    for (const ref of refs) {
      const object = ref.deref();
      if (object !== undefined) each(object);
    }
  }
}

module.exports = { Remembered };
