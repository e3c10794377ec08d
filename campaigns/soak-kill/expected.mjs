/** What a store must hold: its records in their order, and what undo() would take back. A value is a number. */
export class Expected {
  /** Changes and undos so far, over all lives. */
  count;
  #records;
  #undoable;
  #nextPosition;

  constructor({ count = 0, records = [], undoable = [], nextPosition = 0 } = {}) {
    this.count = count;
    this.#records = new Map(records);
    this.#undoable = [...undoable];
    this.#nextPosition = nextPosition;
  }

  toJSON() {
    const { count } = this;
    return {
      count,
      records: [...this.#records],
      undoable: this.#undoable,
      nextPosition: this.#nextPosition,
    };
  }

  get size() {
    return this.#records.size;
  }

  has(id) {
    return this.#records.has(id);
  }

  /** Whether an undo would bring a deleted record back: until the next open at the end, after it in its old place. */
  get wouldRevive() {
    const [, n] = this.#undoable.at(-1) ?? [];
    return n === null;
  }

  /** Carries out an operation: a set, a deletion (`n` is `null`), or, without an id, an undo. */
  apply({ id, n }) {
    this.count++;
    if (id === undefined) return this.#undo();
    const before = this.#records.get(id) ?? null;
    this.#undoable.push([id, n, before]);
    if (n === null) this.#records.delete(id);
    else this.#records.set(id, { n, position: before?.position ?? this.#nextPosition++ });
  }

  /** The number of a record, `undefined` if there is none. */
  numberOf(id) {
    return this.#records.get(id)?.n;
  }

  /** Takes a record away that went to an archive. */
  drop(id) {
    this.#records.delete(id);
  }

  /** What undo() takes back was before the last checkpoint, but for this many operations. */
  forgetAllBut(undoable) {
    this.#undoable = undoable === 0 ? [] : this.#undoable.slice(-undoable);
  }

  /** The records in their order, as pairs of id and number. */
  entries() {
    const sorted = [...this.#records].sort(([, a], [, b]) => a.position - b.position);
    return sorted.map(([id, { n }]) => [id, n]);
  }

  /** Whether these records, as pairs of id and number, and the last operation of its history, are what must be there. */
  isMetBy(entries, last, ordered) {
    if (entries.length !== this.#records.size) return false;
    for (const [id, n] of entries) if (this.#records.get(id)?.n !== n) return false;
    if (ordered && this.entries().some(([id], place) => entries[place][0] !== id)) return false;
    if (last === undefined) return true;
    const [id, n] = this.#undoable.at(-1) ?? [];
    return last.id === id && (last.op === "delete" ? n === null : last.data.n === n);
  }

  #undo() {
    const [id, , before] = this.#undoable.pop() ?? [];
    if (id === undefined) return;
    if (before === null) this.#records.delete(id);
    else this.#records.set(id, before);
  }
}
