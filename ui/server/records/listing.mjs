/**
 * Which records a table shows, in which order: made once, in turns of the event loop, and kept as ids. Values are read for the
 * rows that are looked at.
 */
import { setImmediate as turn } from "node:timers/promises";
import { IdList } from "./id-list.mjs";
import { Refused } from "../requests/errors.mjs";
import { sortedInTurns } from "./sorting.mjs";

/** So many ids are taken before other work has a turn. */
const STEP = 4096;

/** So many records at most stand in an order other than the store's: sorting more of them would take memory without bounds. */
export const MOST_SORTED = 100_000;

/** Sorted by this, records stand in the order of their ids. */
export const ID_FIELD = "\u0000id";

/** How many records meet a query; a view of an earlier time does not count them itself. */
async function matched(source, query, signal) {
  if (Object.keys(query).length === 0) return source.count();
  if (source.countWhere === undefined) return (await source.findIds(query, { signal })).length;
  return source.countWhere(query, { signal });
}

export class Listing {
  #ids = new IdList();
  #isDone = false;
  #failure = null;
  #waiting = [];
  #ended = new AbortController();
  /** What the records were when it was begun. */
  version;
  startedAt = Date.now();
  milliseconds = 0;
  /** How many records more there are in this order, behind the last one. */
  more = 0;
  #most;

  /** `source` is the store, or a view of it. `wanted` has `search`, `query` and `sort`. */
  constructor(source, wanted, version, { most = MOST_SORTED } = {}) {
    this.version = version;
    this.#most = most;
    this.#make(source, wanted).then(
      () => this.#finish(null),
      (error) => this.#finish(error),
    );
  }

  get isDone() {
    return this.#isDone;
  }

  get length() {
    return this.#ids.length;
  }

  get hasFailed() {
    return this.#failure !== null;
  }

  /** Whether a page waits for rows of it. */
  get isAwaited() {
    return this.#waiting.length > 0;
  }

  /** Ends the work on it. */
  drop() {
    this.#ended.abort();
  }

  /** The ids of some rows, as soon as they are known. */
  async page(offset, limit) {
    await this.#until(offset + limit);
    return this.#ids.slice(offset, offset + limit);
  }

  /** Lists of all ids, once it is complete. */
  async *all() {
    await this.#until(Infinity);
    yield* this.#ids.blocks();
  }

  #until(length) {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#isDone || this.#ids.length >= length) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ length, resolve, reject }));
  }

  #finish(error) {
    this.#failure = error;
    this.#isDone = true;
    this.milliseconds = Date.now() - this.startedAt;
    this.#settle();
  }

  #settle() {
    const due = ({ length }) => this.#isDone || this.#ids.length >= length;
    for (const each of this.#waiting.filter(due)) {
      if (this.#failure !== null) each.reject(this.#failure);
      else each.resolve();
    }
    this.#waiting = this.#waiting.filter((each) => !due(each));
  }

  async #make(source, { search = "", query, sort }) {
    const byId = sort?.[ID_FIELD];
    const bySort = byId === undefined ? sort : undefined;
    const isPlain = query === undefined && bySort === undefined;
    const found = isPlain ? source.keys() : await this.#find(source, { search, query, sort: bySort });
    const wanted = search.toLowerCase();
    // The record with exactly this id comes first.
    const isExactFirst = wanted !== "" && isPlain && byId === undefined && source.has(search);
    if (isExactFirst) this.#ids.push(search);
    const isWanted = (id) => id.toLowerCase().includes(wanted) && !(isExactFirst && id === search);
    await this.#take(found, wanted === "" ? () => true : isWanted, byId);
  }

  /** The ids of the records that meet a query; of an order the first ones. */
  async #find(source, { search, query = {}, sort }) {
    const { signal } = this.#ended;
    if (sort === undefined) return source.findIds(query, { signal });
    const ids = await source.findIds(query, { sort, limit: this.#most + 1, signal });
    if (ids.length <= this.#most) return ids;
    // Which of them have the text in their ids is known only when all are sorted.
    if (search !== "")
      throw new Refused(
        422,
        `A search by id among more than ${this.#most.toLocaleString("en")} records has no order by a field. Sort by id, or find fewer records with a query.`,
        "TOO_MANY",
      );
    this.more = (await matched(source, query, signal)) - this.#most;
    return ids.slice(0, this.#most);
  }

  async #take(found, isWanted, byId) {
    const most = this.#most;
    const isDown = byId === -1;
    let unsorted = [];
    let taken = 0;
    for (const id of found) {
      if (isWanted(id)) {
        if (byId === undefined) this.#ids.push(id);
        else unsorted.push(id);
      }
      if (unsorted.length >= 2 * most) {
        this.more += unsorted.length - most;
        unsorted = (await sortedInTurns(unsorted, isDown)).slice(0, most);
      }
      if (++taken % STEP === 0) {
        this.#settle();
        await turn();
        this.#ended.signal.throwIfAborted();
      }
    }
    if (byId === undefined) return;
    this.more += Math.max(0, unsorted.length - most);
    for (const id of (await sortedInTurns(unsorted, isDown)).slice(0, most)) this.#ids.push(id);
  }
}
