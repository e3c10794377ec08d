/** Looks at a store beside a Map that says what there is: each returns what was seen and what should have been. */
import { Query } from "mingo";

/** What a query finds in a Map. A value that is no object and no list has no fields. */
function found(query, model) {
  const wanted = new Query(query);
  const fieldsOf = (value) => (typeof value === "object" && value !== null ? value : {});
  return [...model].filter(([, value]) => wanted.test(fieldsOf(value)));
}

const values = (entries) => entries.map(([, value]) => value);

/** Looks that are over when they return. */
export const looks = {
  get: (store, model, { id }) => [store.get(id), model.get(id)],
  has: (store, model, { id }) => [store.has(id), model.has(id)],
  getMany: (store, model, { ids }) => [store.getMany(ids), ids.map((id) => model.get(id))],
  count: (store, model) => [store.count(), model.size],
  "count of a predicate": (store, model, { n }) => [
    store.count((value) => value.n > n),
    values([...model]).filter((value) => value.n > n).length,
  ],
  all: (store, model) => [store.all(), [...model.values()]],
  entries: (store, model) => [store.entries(), [...model]],
  filter: (store, model, { n }) => [
    store.filter((value) => value.n > n),
    values([...model]).filter((value) => value.n > n),
  ],
  keys: (store, model) => [[...store.keys()], [...model.keys()]],
  iteration: (store, model) => [[...store], [...model]],
};

/** Looks that go on while the store changes, and see it as it was: each returns how they end. */
export const longLooks = {
  find(store, model, { query }) {
    const expected = values(found(query, model));
    const seen = store.find(query);
    return async () => [await seen, expected];
  },
  countWhere(store, model, { query }) {
    const expected = found(query, model).length;
    const seen = store.countWhere(query);
    return async () => [await seen, expected];
  },
  "find of a page"(store, model, { n }) {
    const direction = n % 2 === 0 ? 1 : -1;
    const rows = values(found({ n: { $gte: 0 } }, model)).filter((value) => !Array.isArray(value));
    const expected = rows.toSorted((one, other) => direction * (one.n - other.n)).slice(n, n + 5);
    const query = { n: { $gte: 0 }, "1.n": { $exists: false } };
    const seen = store.find(query, { sort: { n: direction }, skip: n, limit: 5 });
    return async () => [await seen, expected];
  },
  filterAsync(store, model, { n }) {
    const expected = values([...model]).filter((value) => value.n > n);
    const seen = store.filterAsync((value) => value.n > n);
    return async () => [await seen, expected];
  },
  findIds(store, model, { query, n }) {
    const options = { skip: n % 3, limit: 3 * n };
    const expected = found(query, model).map(([id]) => id);
    const seen = store.findIds(query, options);
    return async () => [await seen, expected.slice(options.skip, options.skip + options.limit)];
  },
  scan(store, model, { n, id: bound }) {
    const [prefix, reverse] = [["", "k", "k1", "日"][n % 4], n % 3 === 0];
    const bounds = [{}, { gt: bound }, { gte: bound }, { lt: bound }, { lte: bound }][n % 5];
    const limit = n % 2 === 0 ? undefined : 4 * n;
    const { gt, gte, lt, lte } = bounds;
    const isInside = (id) => id.startsWith(prefix) && !(id <= gt || id < gte || id >= lt || id > lte);
    const all = [...model].filter(([id]) => isInside(id));
    all.sort(([one], [other]) => (one < other ? -1 : 1));
    if (reverse) all.reverse();
    const expected = all.slice(0, limit);
    const rest = store.scan({ prefix, reverse, limit, ...bounds });
    const first = rest.next();
    return async () => {
      const seen = [];
      for (let step = await first; !step.done; step = await rest.next()) seen.push(step.value);
      return [seen, expected];
    };
  },
  iteration(store, model, { n }) {
    const expected = [...model];
    const rest = store[Symbol.iterator]();
    const seen = [rest.next(), ...Array.from({ length: n }, () => rest.next())];
    return async () => {
      const begun = seen.filter(({ done }) => !done).map(({ value }) => value);
      return [[...begun, ...rest], expected];
    };
  },
};
