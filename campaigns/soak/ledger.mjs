/**
 * What one agent has said about its operations, and so what must be found of them. Operations are numbered in
 * the order of their calls; a record that goes into an archive counts as one.
 */
import { isShared } from "./names.mjs";

export const PENDING = 0;
export const ACKNOWLEDGED = 1;
/** Under way when the process was killed: it may have happened or not. */
export const UNKNOWN = 2;
export const UNDONE = 3;
export const REJECTED = 4;
/** Acknowledged, and not there. Counted once, and from then on it is not expected. */
export const LOST = 5;

export class Ledger {
  kinds = [];
  ids = [];
  statuses = [];
  /** When the call of each began and ended, in microseconds; undefined for what did not come to an end. */
  started = [];
  ended = [];
  /** Of an operation that archives: the token of the record and the segment, by number. */
  archived = new Map();
  acknowledged = 0;
  lost = 0;
  resurrected = 0;
  #index;
  #byId = new Map();
  #live = [];

  constructor(index) {
    this.#index = index;
  }

  /** Batches that were under way when the process was killed: all of it happened, or nothing. */
  cutBatches = [];
  #batch = null;

  /** The number of the next operation. */
  get next() {
    return this.kinds.length;
  }

  intend(n, kind, id) {
    this.kinds[n] = kind;
    this.ids[n] = id;
    this.statuses[n] = PENDING;
    if (kind !== "x") this.#live.push(n);
    const history = this.#byId.get(id);
    if (history) history.push(n);
    else this.#byId.set(id, [n]);
  }

  intendBatch(first, count) {
    this.#batch = { first, count };
  }

  privateIds() {
    return [...this.#byId.keys()].filter((id) => !isShared(id));
  }

  /** A record is about to be archived; told once more if the archive looked again. */
  archives(n, id, token, period) {
    if (this.kinds[n] === undefined) this.intend(n, "x", id);
    this.archived.set(n, { token, period });
  }

  settle(first, count, status) {
    for (let n = first; n < first + count; n++) this.statuses[n] = status;
    if (status === ACKNOWLEDGED) this.acknowledged += count;
    this.#batch = null;
    if (status === REJECTED) this.#live = this.#live.filter((n) => n < first || n >= first + count);
  }

  /** The calls of some operations began and ended then. */
  timed(first, count, started, ended) {
    for (let n = first; n < first + count; n++) [this.started[n], this.ended[n]] = [started, ended];
  }

  /** The tokens of acknowledged calls of set() that began and ended between two times. */
  setBetween(from, until) {
    const found = [];
    for (let n = this.kinds.length - 1; n >= 0 && !(this.started[n] < from); n--) {
      const isSet = this.kinds[n] === "s" && this.statuses[n] === ACKNOWLEDGED;
      if (isSet && this.started[n] >= from && this.ended[n] <= until) found.push(this.#token(n));
    }
    return found;
  }

  /** `undo()` resolved to true: it was the last of the agent's operations. */
  undo() {
    const n = this.#live.pop();
    if (n !== undefined) this.statuses[n] = UNDONE;
  }

  /** The process is gone. Its successor takes nothing back that was written before it. */
  died(wasUndoing) {
    if (wasUndoing && this.#live.length > 0) this.statuses[this.#live.at(-1)] = UNKNOWN;
    for (const n of this.#recent()) if (this.statuses[n] === PENDING) this.statuses[n] = UNKNOWN;
    this.#live = [];
    if (this.#batch !== null) this.cutBatches.push(this.#batch);
    this.#batch = null;
  }

  /** The last operations on a record, for a message. */
  history(id) {
    const words = ["under way", "acknowledged", "perhaps", "undone", "refused", "lost"];
    const recent = (this.#byId.get(id) ?? []).slice(-4);
    return recent.map((n) => `${this.kinds[n]}${n} ${words[this.statuses[n]]}`).join(", ") || "nothing";
  }

  /** A token or `null` (no record) that a private record was found with. Whether that can be. */
  observe(id, token) {
    const history = this.#byId.get(id) ?? [];
    let expected = history.length - 1;
    for (; expected >= 0; expected--) {
      const n = history[expected];
      const status = this.statuses[n];
      if (status !== ACKNOWLEDGED && status !== UNKNOWN && status !== PENDING) continue;
      if ((this.kinds[n] === "s" ? this.#token(n) : null) === token) return true;
      if (status === ACKNOWLEDGED) break;
    }
    if (expected < 0 && token === null) return true;
    this.#adopt(history, token);
    return false;
  }

  /** Counts an acknowledged operation as lost. */
  lose(n) {
    if (this.statuses[n] !== ACKNOWLEDGED) return;
    this.statuses[n] = LOST;
    if (this.kinds[n] === "s") this.lost++;
    else this.resurrected++;
  }

  /** The acknowledged and, by their side, the possible deletions of each record. */
  deletions() {
    const found = new Map();
    this.kinds.forEach((kind, n) => {
      const status = this.statuses[n];
      if (kind !== "d" || (status !== ACKNOWLEDGED && status !== UNKNOWN)) return;
      const count = found.get(this.ids[n]) ?? { certain: 0, possible: 0 };
      count[status === ACKNOWLEDGED ? "certain" : "possible"]++;
      found.set(this.ids[n], count);
    });
    return found;
  }

  #token(n) {
    return `${this.#index}.${n}`;
  }

  /** What is seen becomes what is expected; what should have been there instead is lost. */
  #adopt(history, token) {
    const seen = token === null ? this.#lastRemoval(history) : Number(token.split(".")[1]);
    const isBack = seen >= 0 && this.statuses[seen] !== LOST && this.statuses[seen] !== ACKNOWLEDGED;
    let lost = 0;
    for (const n of history.filter((n) => n > seen)) {
      if (this.statuses[n] === ACKNOWLEDGED) lost++;
      this.lose(n);
    }
    // Nothing newer was acknowledged, so what is seen had been undone or refused.
    if (lost === 0 && isBack) this.resurrected++;
    if (seen >= 0) this.statuses[seen] = ACKNOWLEDGED;
  }

  /** The last operation that left no record, as far as is known; -1 before the first. */
  #lastRemoval(history) {
    return history.findLast((n) => this.kinds[n] !== "s" && this.statuses[n] === ACKNOWLEDGED) ?? -1;
  }

  #recent() {
    const first = Math.max(0, this.next - 20_000);
    return Array.from({ length: this.next - first }, (_, n) => first + n);
  }
}
