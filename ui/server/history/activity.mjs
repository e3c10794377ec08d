/** How many operations there were when: the logs are read once, when a page first asks, and followed from then on. */
import { setTimeout as sleep } from "node:timers/promises";
import { Buckets } from "./buckets.mjs";
import { kindOf } from "./operations.mjs";

/** Operations that an undo may still take back are kept in mind, so many. */
const MOST_RECENT = 5000;
const RETRY_MS = 2000;
const MOST_WANTED = 400;
/** A closer look reads the logs again, if there are no more operations in it than this. */
const MOST_READ_AGAIN = 50_000;

export class Activity {
  #followed;
  #buckets = new Buckets();
  #recent = new Map();
  #abort = null;
  #state = "new";
  #closer = null;

  constructor(followed) {
    this.#followed = followed;
  }

  /** Ends the reading; the next question begins it anew. */
  forget() {
    this.#abort?.abort();
    this.#abort = null;
    this.#buckets = new Buckets();
    this.#recent.clear();
    this.#closer = null;
    this.#state = "new";
  }

  /** Counts between two times (default: all), in about so many buckets. */
  async counts({ since, until, buckets: wanted = 120 }) {
    // Throws what keeps the store from being open.
    void this.#followed.store;
    if (this.#state === "new") this.#begin();
    const { total, first, last, agents } = this.#buckets;
    const known = { state: this.#state, total, agents: [...agents].sort() };
    if (total === 0 && first === Infinity) return { ...known, width: 1000, buckets: [] };
    const from = since ?? first;
    const to = Math.max(from, until ?? last);
    const number = Math.min(wanted, MOST_WANTED);
    let counted = this.#buckets.between(from, to, number);
    if ((since !== undefined || this.#state === "done") && (to - from) / number < counted.width / 2) {
      counted = (await this.#readAgain(from, to, number, counted)) ?? counted;
    }
    return { ...known, first, last, ...counted };
  }

  /** A closer look than the counts allow. */
  async #readAgain(since, until, number, { buckets }) {
    const operations = buckets.reduce(
      (sum, { counts }) => sum + counts.reduce((n, [, , more]) => n + more, 0),
      0,
    );
    if (operations > MOST_READ_AGAIN) return undefined;
    const key = `${since} ${until} ${number} ${this.#buckets.total} ${this.#followed.version}`;
    if (this.#closer?.key !== key) this.#closer = { key, counted: this.#read(since, until, number) };
    const { counted } = this.#closer;
    try {
      return await counted;
    } catch (error) {
      if (this.#closer?.counted === counted) this.#closer = null;
      // Of operations that were pruned, what was counted before is known.
      if (error.code === "OPSLOG_POSITION_GONE") return undefined;
      throw error;
    }
  }

  async #read(since, until, number) {
    const closer = new Buckets(Math.max(1, Math.ceil((until - since) / number)));
    // NOTE: `since` leaves out what was at this very millisecond. From the beginning there is no `since`: before the first operation
    // that is kept, others may have been pruned.
    const bounds = {
      ...(since > this.#buckets.first && { since: new Date(since - 1) }),
      ...(until < this.#buckets.last && { until: new Date(until) }),
    };
    for await (const change of this.#followed.store.changes(bounds)) this.#count(closer, change);
    return closer.between(since, until, number);
  }

  #begin() {
    this.#abort = new AbortController();
    this.#state = "reading";
    this.#follow(this.#followed.store, this.#abort.signal).catch(() => {});
  }

  #count(buckets, change, by = 1) {
    buckets.count(Date.parse(change.ts), kindOf(change), change.agent ?? "", by);
  }

  async #follow(store, signal) {
    let position;
    while (!signal.aborted) {
      try {
        for await (const change of store.changes({ after: position, signal })) position = this.#take(change);
        this.#state = "done";
        for await (const change of store.changes({ after: position, live: true, signal }))
          position = this.#take(change);
      } catch (error) {
        if (signal.aborted) return;
        // What was undone or pruned meanwhile is not counted one by one: all of it is counted anew.
        if (error.code === "OPSLOG_POSITION_GONE") {
          position = undefined;
          this.#buckets = new Buckets();
          this.#recent.clear();
        }
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  #take(change) {
    if (change.type === "undone") {
      const undone = this.#recent.get(change.position);
      if (undone !== undefined) this.#count(this.#buckets, undone, -1);
      this.#recent.delete(change.position);
      return change.after;
    }
    const { position, ts, type, agent } = change;
    this.#count(this.#buckets, change);
    this.#recent.set(position, { ts, type, agent, before: change.before === null ? null : true });
    if (this.#recent.size > MOST_RECENT) this.#recent.delete(this.#recent.keys().next().value);
    return position;
  }
}
