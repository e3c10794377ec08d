/**
 * What writers called and what was acknowledged, record by record. A record belongs to one writer, whose calls take effect
 * in their order: so it has the value that was acknowledged last, or one of those called since.
 */
export class Ledger {
  /** By id: the acknowledged number, `null` if there is none, and the calls since then in their order. */
  #records = new Map();
  acknowledged = 0;

  called(id, n) {
    this.#record(id).since.push(n);
  }

  /** All calls up to this one have taken effect. */
  acknowledge(id, n) {
    const record = this.#record(id);
    const at = record.since.lastIndexOf(n);
    if (at === -1) throw new Error(`${id} ${n} was acknowledged and not called`);
    record.since.splice(0, at + 1);
    record.last = n;
    this.acknowledged++;
  }

  /** How many calls were neither acknowledged nor refused. */
  get underWay() {
    let count = 0;
    for (const { since } of this.#records.values()) count += since.length;
    return count;
  }

  /**
   * Compares records, as pairs of id and number. Yields what is wrong. What is found is what counts from now on: what was
   * under way has taken effect or has not.
   */
  *settle(entries) {
    const found = new Map(entries);
    for (const [id, record] of this.#records) {
      const n = found.get(id) ?? null;
      found.delete(id);
      if (n !== record.last && !record.since.includes(n))
        yield `${id} is ${n}; ${record.last} was acknowledged, ${record.since.join(", ") || "nothing"} under way`;
      Object.assign(record, { last: n, since: [] });
    }
    for (const [id, n] of found) yield `${id} is ${n}, and was never called`;
  }

  #record(id) {
    let record = this.#records.get(id);
    if (record === undefined) this.#records.set(id, (record = { last: null, since: [] }));
    return record;
  }
}
