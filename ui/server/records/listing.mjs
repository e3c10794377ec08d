/**
 * Which records a table shows, in which order: made once, in turns of the event loop, and kept as ids. Values are read for the
 * rows that are looked at.
 */
import { setImmediate as turn } from "node:timers/promises";
import { IdList } from "./id-list.mjs";
import { sortedInTurns } from "./sorting.mjs";

/** So many ids are taken before other work has a turn. */
const STEP = 4096;

/** Sorted by this, records stand in the order of their ids. */
export const ID_FIELD = "\u0000id";

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

  /** `source` is the store, or a view of it. `wanted` has `search`, `query` and `sort`. */
  constructor(source, wanted, version) {
    this.version = version;
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
    const isPlain = query === undefined && (sort === undefined || byId !== undefined);
    const found = isPlain
      ? source.keys()
      : await source.findIds(query ?? {}, {
          ...(byId === undefined && sort !== undefined && { sort }),
          signal: this.#ended.signal,
        });
    const wanted = search.toLowerCase();
    // The record with exactly this id comes first.
    const isExactFirst = wanted !== "" && isPlain && byId === undefined && source.has(search);
    if (isExactFirst) this.#ids.push(search);
    const isWanted = (id) => id.toLowerCase().includes(wanted) && !(isExactFirst && id === search);
    await this.#take(found, wanted === "" ? () => true : isWanted, byId);
  }

  async #take(found, isWanted, byId) {
    const unsorted = [];
    let taken = 0;
    for (const id of found) {
      if (isWanted(id)) {
        if (byId === undefined) this.#ids.push(id);
        else unsorted.push(id);
      }
      if (++taken % STEP === 0) {
        this.#settle();
        await turn();
        this.#ended.signal.throwIfAborted();
      }
    }
    if (byId === undefined) return;
    for (const id of await sortedInTurns(unsorted, byId === -1)) this.#ids.push(id);
  }
}
