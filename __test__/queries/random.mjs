/** Random documents and queries: types mixed, nested, lists, null against missing, odd names and strings. */

/** A generator of numbers that gives the same ones for the same seed. */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { next, below, pick: (list) => list[below(list.length)] };
}

const names = ["a", "b", "c", "0", "1", "d-e", "", "__proto__"];
const dates = ["2026-01-01T00:00:00.000Z", "2025-12-31T23:59:59.999Z"];
const strings = ["", "a", "b", "ab", "B", "é", "\u{1F600}", "\uFFFD", "\uD83D", "1", "a.b", "\0", '"\\'];
const numbers = [0, -0, 1, 2, 3, -1, 1.5, 1e21, 2 ** 53, 5e-324];
const scalars = [null, true, false, ...numbers, ...strings, ...dates];
const patterns = [/a/, /^b/i, /1$/, /./, /^$/, /\d{4}-/];

/** Text for which V8 makes Infinity. */
const HUGE = "huge";

export class RandomQueries {
  #random;
  #isQuery = false;

  constructor(seed) {
    this.#random = randomNumbers(seed);
  }

  /** A document as JSON text: some hold what V8 never prints, such as 1e400. */
  document() {
    this.#isQuery = false;
    return JSON.stringify(this.#object(3)).replaceAll(`"${HUGE}"`, "1e400");
  }

  /** A document whose fields hold no lists, and often the same. */
  flatDocument() {
    const { next, below, pick } = this.#random;
    const value = () => (next() < 0.7 ? below(6) : pick(scalars));
    const fields = names.slice(0, 3).filter(() => next() < 0.9);
    return JSON.stringify(Object.fromEntries(fields.map((name) => [name, value()])));
  }

  query(depth = 2) {
    // NOTE: mingo's copy of a query has no field of the name __proto__, but that prototype.
    this.#isQuery = true;
    const { next, below, pick } = this.#random;
    const query = {};
    for (let left = next() < 0.1 ? 0 : 1 + below(2); left > 0; left--) {
      if (depth > 0 && next() < 0.25) {
        query[pick(["$and", "$or", "$nor"])] = this.#list(3, () => this.query(depth - 1));
      } else {
        query[this.#path()] = this.#asked(depth);
      }
    }
    return query;
  }

  /** Declared indexes: of one field or several, some of them within others. */
  indexes() {
    const { next, below, pick } = this.#random;
    const deep = () => this.#path().replace(/\.$|(?<=\.)(?=\.)/g, "") || "a";
    const path = () => (next() < 0.8 ? pick(names.slice(0, 3)) : deep());
    const one = () => [...new Set(Array.from({ length: 1 + below(2) }, path))].join(",");
    return Object.fromEntries(Array.from({ length: 1 + below(3) }, () => [one(), {}]));
  }

  /** A query that asks for the fields of an index, and may ask for others. */
  queryOn(indexes) {
    const { next, below, pick } = this.#random;
    const rest = next() < 0.3 ? this.query(1) : {};
    this.#isQuery = true;
    const paths = pick(Object.keys(indexes)).split(",");
    const asked = () => (next() < 0.5 ? this.#value(1) : this.#operators(1));
    const chosen = paths.slice(0, 1 + below(paths.length)).map((path) => [path, asked()]);
    return next() < 0.1
      ? { $or: chosen.map((one) => Object.fromEntries([one])) }
      : { ...rest, ...Object.fromEntries(chosen) };
  }

  /** What is wanted of what is found; sorted by the fields of an index, or by any. */
  selection(indexes) {
    const { next, below, pick } = this.#random;
    const direction = pick([1, -1]);
    const paths = next() < 0.7 ? pick(Object.keys(indexes)).split(",") : [this.#path()];
    const sort = Object.fromEntries(
      paths.slice(below(2) * (paths.length - 1)).map((path) => [path, direction]),
    );
    return {
      ...(next() < 0.7 && { sort }),
      ...(next() < 0.5 && { skip: below(10) }),
      ...(next() < 0.8 && { limit: below(20) }),
    };
  }

  #asked(depth) {
    const { next, pick } = this.#random;
    if (next() < 0.05) return pick(patterns);
    return next() < 0.4 ? this.#value(2) : this.#operators(depth);
  }

  #list(longest, make) {
    return Array.from({ length: this.#random.below(longest + 1) }, make);
  }

  #value(depth) {
    const { next, pick } = this.#random;
    const kind = next();
    if (depth <= 0 || kind < 0.5) return pick(scalars);
    return kind < 0.78 ? this.#list(3, () => this.#value(depth - 1)) : this.#object(depth - 1);
  }

  #object(depth) {
    const { next, below, pick } = this.#random;
    const fields = [];
    for (let left = below(4); left > 0; left--) {
      fields.push([
        pick(this.#isQuery ? names.slice(0, -1) : names),
        next() < 0.02 ? HUGE : this.#value(depth),
      ]);
    }
    return Object.fromEntries(fields);
  }

  #path() {
    const { next, below, pick } = this.#random;
    if (next() < 0.3) return pick(names.slice(0, 3));
    const path = [pick(names.slice(0, 3))];
    for (let left = below(3); left > 0; left--) path.push(pick(names.slice(0, 5)));
    return path.join(".");
  }

  #operators(depth) {
    const operators = {};
    for (let left = this.#random.next() < 0.3 ? 2 : 1; left > 0; left--)
      Object.assign(operators, this.#operator(depth));
    return operators;
  }

  #operator(depth) {
    const { next, below, pick } = this.#random;
    const orPattern = (make) => (next() < 0.1 ? pick(patterns) : make());
    const name = pick([
      ...["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$not", "$regex", "$size"],
      ...["$all", "$elemMatch"],
    ]);
    switch (name) {
      case "$in":
      case "$nin":
        return { [name]: this.#list(3, () => orPattern(() => this.#value(2))) };
      case "$all":
        return { $all: this.#list(2, () => this.#member(depth)) };
      case "$exists":
        return { $exists: pick([true, false, 1, 0, null, "", "x"]) };
      case "$not":
        return { $not: next() < 0.2 ? pick(patterns) : depth > 0 ? this.#asked(depth - 1) : pick(scalars) };
      case "$regex":
        return next() < 0.5
          ? { $regex: pick(patterns) }
          : { $regex: pick(["a", "^b", "1$"]), $options: pick(["", "i", "s"]) };
      case "$size":
        return { $size: below(4) };
      case "$elemMatch":
        return { $elemMatch: depth > 0 ? this.#elements(depth - 1) : {} };
      default:
        return { [name]: next() < 0.02 ? pick([Infinity, -Infinity]) : this.#value(2) };
    }
  }

  #member(depth) {
    const { next, pick } = this.#random;
    if (depth > 0 && next() < 0.2) return { $elemMatch: this.#elements(depth - 1) };
    return next() < 0.1 ? pick(patterns) : this.#value(2);
  }

  #elements(depth) {
    return this.#random.next() < 0.5 ? this.#operators(depth) : this.query(depth);
  }
}
