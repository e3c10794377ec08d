/** The operations on a record, and lists of operations between two times. */
import { differencesOf } from "../differences/differences.mjs";
import { Refused } from "../requests/errors.mjs";
import { kindOf, summaryOf } from "./operations.mjs";

const MOST_OPERATIONS = 200;
/** A list looks at so many operations for those that it wants, before it says how far it has come. */
const MOST_SCANNED = 20_000;

/** The operations between two times, of which those at the beginning may have been pruned: the others are kept all the same. */
async function* keptSince(store, { since, ...bounds }) {
  let isBegun = false;
  try {
    for await (const change of store.changes({ since, ...bounds })) {
      isBegun = true;
      yield change;
    }
    return;
  } catch (error) {
    if (error.code !== "OPSLOG_POSITION_GONE" || since === undefined || isBegun) throw error;
  }
  const from = since.toISOString();
  for await (const change of store.changes(bounds)) if (change.ts > from) yield change;
}

export class History {
  #followed;

  constructor(followed) {
    this.#followed = followed;
  }

  /** The operations on a record, the last one first, from behind the one at `before` on. */
  async ofRecord({ id, before, limit = 50 }) {
    const wanted = Math.min(limit, MOST_OPERATIONS);
    const operations = [];
    let isFound = before === undefined;
    for await (const change of this.#followed.store.changes({ id, reverse: true })) {
      if (!isFound) {
        isFound = change.position === before;
        continue;
      }
      if (operations.length === wanted) return { operations, hasMore: true };
      const { list, count } = differencesOf(change.before ?? undefined, change.value);
      const { fields: _, ...summary } = summaryOf(change);
      operations.push({ ...summary, differences: list, differenceCount: count });
    }
    if (!isFound)
      throw new Refused(409, "The operation was undone or pruned meanwhile.", "OPSLOG_POSITION_GONE");
    return { operations, hasMore: false };
  }

  async #operation(id, position) {
    for await (const change of this.#followed.store.changes({ id, reverse: true })) {
      if (change.position === position) return change;
    }
    throw new Refused(409, "The operation was undone or pruned meanwhile.", "OPSLOG_POSITION_GONE");
  }

  /** The record as it was behind an operation, and what is different from now. */
  async version({ id, position }) {
    const change = await this.#operation(id, position);
    const { store } = this.#followed;
    const { list, count } = differencesOf(change.value, store.has(id) ? store.get(id) : undefined);
    return {
      exists: change.type === "set",
      ...(change.type === "set" && { json: JSON.stringify(change.value) ?? null }),
      differencesToNow: list,
      differenceCount: count,
    };
  }

  /** Operations between two times, the first one first, from behind the one at `after` on. */
  async between({ since, until, after, agent, kind, limit = 100 }) {
    const wanted = Math.min(limit, MOST_OPERATIONS);
    const operations = [];
    let scanned = 0;
    let last;
    for await (const change of keptSince(this.#followed.store, { since, until, after })) {
      const isWanted =
        (kind === undefined || kindOf(change) === kind) &&
        (agent === undefined || (change.agent ?? "") === agent);
      if (isWanted && operations.length === wanted) return { operations, next: last };
      if (isWanted) operations.push(summaryOf(change));
      last = change.position;
      if (++scanned >= MOST_SCANNED) return { operations, next: last };
    }
    return { operations };
  }

  /** The last operations of the store, the last one first. */
  async last({ limit = 50 }) {
    const operations = [];
    const changes = this.#followed.store.changes({ reverse: true, limit: Math.min(limit, MOST_OPERATIONS) });
    for await (const change of changes) operations.push(summaryOf(change));
    return { operations };
  }
}
