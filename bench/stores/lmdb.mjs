import { join } from "node:path";
import { open as openDatabase } from "lmdb";

const sharedStructuresKey = Symbol.for("structures");

/** Every key from one on, as `[key, value]`. */
function* from(database, start) {
  for (const { key, value } of database.getRange(start === undefined ? {} : { start })) {
    if (typeof key === "string" && key !== start) yield [key, value];
  }
}

async function open(folder, { sync = "none", mode = "immediate", readOnly = false } = {}) {
  const database = openDatabase({
    path: join(folder, "data.mdb"),
    encoding: "msgpack",
    sharedStructuresKey,
    overlappingSync: false,
    noSync: sync === "none",
    readOnly,
  });
  // `put` returns a promise and commits on another thread; `putSync` commits before it returns.
  const set = {
    immediate: (id, record) => database.putSync(id, record),
    "in flight": (id, record) => database.put(id, record),
    async: (id, record) => void database.put(id, record),
  }[mode];
  return {
    set,
    setMany: (entries) =>
      database.transactionSync(() => {
        for (const [id, record] of entries) database.put(id, record);
      }),
    get: (id) => database.get(id),
    filter(predicate) {
      const kept = [];
      for (const [id, value] of from(database)) if (predicate(value, id)) kept.push(value);
      return kept;
    },
    count: () => database.getCount(),
    since: (last) => [...from(database, last)],
    flush: () => database.committed,
    close: () => database.close(),
  };
}

export default {
  description:
    "msgpack with shared structures (faster here than its JSON, reading and writing), `overlappingSync: false`. " +
    "Without fsync: `noSync`. Single awaited writes are `putSync`, which is faster here than awaiting " +
    "`put`; writes in flight and asynchronous ones are `put`; a batch is `transactionSync`.",
  open,
};
