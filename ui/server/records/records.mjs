/** The table of records: pages of it, its columns, one record, and a selection as a stream of text. */
import { setTimeout as sleep } from "node:timers/promises";
import { Refused } from "../requests/errors.mjs";
import { Listing } from "./listing.mjs";
import { preview } from "./previews.mjs";

/** Listings that are kept, those that were looked at last. */
const MOST_LISTINGS = 4;
const MOST_ROWS = 500;
/** A listing of a store that changes is made again after this many times as long as it takes. */
const REST = 20;
const LEAST_REST_MS = 1000;
/** One that is made within this time is waited for. */
const MOMENT_MS = 50;
const SAMPLE = 100;
const MOST_COLUMNS = 300;
/** A record that is no object has its value in a column of this name. */
export const VALUE_COLUMN = "\u0000value";

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export class Records {
  #followed;
  #past;
  #listings = new Map();
  #mostSorted;

  constructor(followed, past, { mostSorted } = {}) {
    this.#followed = followed;
    this.#past = past;
    this.#mostSorted = mostSorted;
  }

  /** Forgets what it knows of the store, which was opened anew. */
  forget() {
    for (const { listing } of this.#listings.values()) listing.drop();
    this.#listings.clear();
  }

  /** The store, or the view of it at an earlier time. */
  async #source(at) {
    return at === undefined ? this.#followed.store : this.#past.view(at);
  }

  async #listing({ search, query, sort, at, fresh }) {
    const source = await this.#source(at);
    const key = JSON.stringify([search ?? "", query, sort, at]);
    const known = this.#listings.get(key);
    const { version } = this.#followed;
    const make = () => new Listing(source, { search, query, sort }, version, { most: this.#mostSorted });
    if (known === undefined || known.listing.hasFailed || known.source !== source) {
      return this.#keep(key, { listing: make(), next: null, source });
    }
    const { listing } = known;
    const isStale = at === undefined && listing.version !== version;
    const rest = Math.max(LEAST_REST_MS, listing.milliseconds * REST);
    const isDue = fresh || Date.now() - listing.startedAt > rest;
    if (isStale && listing.isDone && isDue && known.next === null) {
      known.next = make();
      await Promise.race([known.next.page(0, Infinity).catch(() => {}), sleep(MOMENT_MS)]);
    }
    // The old one is shown until the new one is complete, unless the new one is asked for.
    if (known.next !== null && (fresh || known.next.isDone)) {
      return this.#keep(key, { listing: known.next, next: null, source });
    }
    return this.#keep(key, known);
  }

  #keep(key, kept) {
    this.#listings.delete(key);
    this.#listings.set(key, kept);
    for (const [other, { listing, next }] of this.#listings) {
      if (this.#listings.size <= MOST_LISTINGS) break;
      if (listing.isAwaited || other === key) continue;
      listing.drop();
      next?.drop();
      this.#listings.delete(other);
    }
    return kept;
  }

  /** Rows of the table: ids, and what their cells show. */
  async page({ offset = 0, limit = 100, columns = [], ...wanted }) {
    const { listing, next } = await this.#listing(wanted);
    const ids = await listing.page(offset, Math.min(limit, MOST_ROWS));
    const source = await this.#source(wanted.at);
    const isWhole = wanted.at === undefined && wanted.sort === undefined && isEverything(wanted);
    return {
      offset,
      total: listing.isDone
        ? listing.length
        : isWhole
          ? Math.max(source.count(), listing.length)
          : listing.length,
      more: listing.more,
      isComplete: listing.isDone,
      isStale: wanted.at === undefined && listing.version !== this.#followed.version,
      isBeingMade: next !== null,
      madeAt: listing.startedAt,
      rows: ids.map((id) => row(id, source.get(id), columns)),
    };
  }

  /** The fields of a sample of the records, the ones that most have first. */
  async columns({ ...wanted }) {
    const { listing } = await this.#listing(wanted);
    const source = await this.#source(wanted.at);
    const ids = await listing.page(0, SAMPLE);
    const step = Math.floor(listing.length / SAMPLE);
    for (let n = 1; step > 1 && n < SAMPLE; n++) ids.push(...(await listing.page(n * step, 1)));
    const counts = new Map();
    let others = 0;
    let seen = 0;
    for (const id of ids) {
      const value = source.get(id);
      if (value === undefined) continue;
      seen++;
      if (!isObject(value)) others++;
      else for (const name of Object.keys(value)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const names = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one));
    const all = names.map((name) => ({ name, share: counts.get(name) / seen }));
    if (others > 0) all.unshift({ name: VALUE_COLUMN, share: others / seen });
    return {
      columns: all.slice(0, MOST_COLUMNS),
      more: Math.max(0, all.length - MOST_COLUMNS),
      sampled: seen,
    };
  }

  /** One record as JSON text; absent if there is none. */
  async record({ id, at }) {
    const source = await this.#source(at);
    const value = source.get(id);
    return source.has(id) ? { exists: true, json: JSON.stringify(value) ?? null } : { exists: false };
  }

  /** The ids of all records that the table shows. */
  async #lists(wanted) {
    const { listing } = await this.#listing(wanted);
    await listing.page(0, Infinity);
    if (listing.more > 0)
      throw new Refused(
        422,
        "There are too many records to export them in this order. Take the order away, or find fewer with a query.",
        "TOO_MANY",
      );
    return listing.all();
  }

  /** Yields records, of a list of ids or all that the table shows. */
  async *records({ ids, ...wanted }) {
    const source = await this.#source(wanted.at);
    if (ids === undefined && wanted.at === undefined && wanted.sort === undefined && isEverything(wanted)) {
      // All of them in the store's order are read in one go.
      yield* source;
      return;
    }
    const lists = ids === undefined ? await this.#lists(wanted) : [ids];
    for await (const list of lists) {
      for (const id of list) {
        if (source.has(id)) yield [id, source.get(id)];
      }
    }
  }
}

function isEverything({ search = "", query }) {
  return search === "" && query === undefined;
}

function row(id, value, columns) {
  if (value === undefined) return { id, isGone: true, cells: [] };
  const cells = columns.map((name) => {
    if (name === VALUE_COLUMN) return isObject(value) ? preview(undefined) : preview(value);
    return isObject(value) && Object.hasOwn(value, name) ? preview(value[name]) : preview(undefined);
  });
  return { id, cells };
}

/** Columns that a page may ask for. */
export function checkColumns(columns) {
  if (
    !Array.isArray(columns) ||
    columns.length > MOST_COLUMNS ||
    columns.some((name) => typeof name !== "string")
  )
    throw new Refused(400, `columns must be a list of at most ${MOST_COLUMNS} names`);
  return columns;
}
