/** A store that follows a folder: a reader, an agent, or a single writer beside which another hand appends. */
import { programOf } from "../../helpers/schema-versions.mjs";
import { Divergence } from "../compare.mjs";

/** What tells an operation from all others, the world's entry and what a store says: no number is set twice. */
export const keyOf = ({ ts, id, n, data }) => {
  const number = n ?? data?.n;
  return number === undefined || number === null ? `delete ${id} ${ts}` : `set ${id} ${number}`;
};

export class Follower {
  /** What it was told, or saw when it opened, or wrote itself. */
  known = new Set();
  /** What was in the snapshot when it opened. */
  #sealed = new Set();
  /** What was there, and went, and may have come back by itself: it may be told or not. */
  #optional = new Set();
  #isPutBack = false;

  constructor({ store, kind, name, program, isBlind }) {
    Object.assign(this, { store, kind, name, program, isBlind });
  }

  get options() {
    const agent = this.kind === "agent" ? { agentId: this.name } : {};
    return this.program ? { ...agent, ...programOf(this.program.version, this.program.violations) } : agent;
  }

  /** It has opened, when the logs held operations with these keys. What loads nothing is told of those. */
  begin(trail, inLogs) {
    const keys = trail.map(keyOf);
    this.#sealed = new Set(keys.filter((key) => !inLogs.has(key)));
    this.known = this.isBlind ? new Set(this.#sealed) : new Set(keys);
  }

  putBack(unclear) {
    for (const key of [...unclear, ...this.#sealed]) this.#optional.add(key);
    this.#sealed = new Set();
    this.#isPutBack = true;
  }

  /** What comes before a look by tail() may be passed over by it. */
  refreshed(trail) {
    for (const entry of trail) if (this.#isNews(entry)) this.#optional.add(keyOf(entry));
  }

  mayBeTold(entry) {
    this.#optional.add(keyOf(entry));
  }

  #isNews(entry) {
    const key = keyOf(entry);
    return !entry.archived && !this.known.has(key) && !this.#optional.has(key);
  }

  /** Compares what it was told with what was acknowledged since. */
  hear(told, trail, inLogs) {
    const there = new Set(trail.map(keyOf));
    this.known = new Set([...this.known].filter((key) => there.has(key)));
    if (this.#isPutBack) {
      // What a compaction has taken along since is in no log that it knows of.
      for (const entry of trail)
        if (this.#isNews(entry) && !inLogs.has(keyOf(entry))) this.#optional.add(keyOf(entry));
    }
    this.#isPutBack = false;
    const heard = told.map(keyOf).filter((key) => !this.#optional.has(key));
    const expected = trail.filter((entry) => this.#isNews(entry)).map(keyOf);
    const [one, other] = [heard.toSorted(), expected.toSorted()];
    if (one.join() !== other.join()) throw new Divergence(`what ${this.name} was told of`, other, one);
    for (const key of heard) this.known.add(key);
  }
}
