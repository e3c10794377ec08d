/**
 * How each store is asked: with indexes where it has them, as its users would; else by going through all records. Loaded only in
 * the process that measures.
 */
import { join } from "node:path";
import { loadStore } from "../stores/index.mjs";
import { entry } from "../stores/published.mjs";

const indexes = { group: {}, rank: {}, priority: {} };

async function ours(folder, { isIndexed = true } = {}) {
  const { Store } = await import(entry);
  const store = new Store();
  const options = { checkpointThreshold: 1e15, checkpointOnClose: false };
  await store.open(folder, isIndexed ? { ...options, indexes } : options);
  return {
    set: (id, record) => store.set(id, record),
    setMany: (entries) =>
      store.batch(() => {
        for (const [id, record] of entries) store.set(id, record);
      }),
    get: (id) => store.get(id),
    group: (group) => store.find({ group }),
    where: (query) => store.find(query),
    page: (skip, limit) => store.find({}, { sort: { rank: 1 }, skip, limit }),
    async prefix(prefix) {
      const found = [];
      for await (const [id, record] of store.scan({ prefix })) found.push([id, record]);
      return found;
    },
    async finish() {
      await store.compact();
      // The first scan of a few ids has the order of the ids made, as in a program that scans.
      for await (const [id] of store.scan({ limit: 1 })) void id;
      await store.whenIndexed();
    },
    close: () => store.close(),
  };
}

/** Through `filter()`, with a sort in JS: what 0.8.1 and lmdb have without further tables. */
function filtering(name) {
  return async (folder, options) => {
    const { open } = await loadStore(name);
    const handle = await open(folder, options);
    return {
      ...handle,
      group: (group) => handle.filter((record) => record.group === group),
      where: ({ rank }) => handle.filter((record) => record.rank >= rank.$gte && record.rank < rank.$lt),
      page: async (skip, limit) => {
        const all = await handle.filter(() => true);
        return all.sort((one, other) => one.rank - other.rank).slice(skip, skip + limit);
      },
      prefix: (prefix) => handle.filter((record, id) => id.startsWith(prefix)),
      finish: () => handle.native?.compact(),
      close: () => handle.close(),
    };
  };
}

async function sqlite(folder, { isIndexed = true } = {}) {
  const { default: Database } = await import("better-sqlite3");
  const database = new Database(join(folder, "data.db"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = OFF");
  const columns = ["group", "rank", "priority"];
  const computed = columns.map(
    (name) => `"${name}" generated always as (json_extract(value, '$.${name}')) virtual`,
  );
  database.exec(
    `create table if not exists records (id text primary key, value text, ${computed.join(", ")}) without rowid`,
  );
  if (isIndexed) {
    for (const name of columns) {
      database.exec(`create index if not exists "by_${name}" on records ("${name}")`);
    }
  }
  const prepare = (sql) => database.prepare(sql).pluck();
  const insert = database.prepare(
    "insert into records (id, value) values (?, ?) on conflict (id) do update set value = excluded.value",
  );
  const byGroup = prepare('select value from records where "group" = ?');
  const byRank = prepare(
    "select value from records where json_extract(value, '$.rank') >= ? and json_extract(value, '$.rank') < ?",
  );
  const byPage = prepare('select value from records order by "rank" limit ? offset ?');
  const byPrefix = database.prepare("select id, value from records where id >= ? and id < ?").raw();
  const parsed = (texts) => texts.map((text) => JSON.parse(text));
  const set = (id, record) => void insert.run(id, JSON.stringify(record));
  return {
    set,
    setMany: database.transaction((entries) => {
      for (const [id, record] of entries) set(id, record);
    }),
    get: (id) => JSON.parse(prepare("select value from records where id = ?").get(id)),
    group: (group) => parsed(byGroup.all(group)),
    where: ({ rank }) => parsed(byRank.all(rank.$gte, rank.$lt)),
    page: (skip, limit) => parsed(byPage.all(limit, skip)),
    prefix: (prefix) =>
      byPrefix.all(prefix, `${prefix}\u{10FFFF}`).map(([id, text]) => [id, JSON.parse(text)]),
    finish: () => database.exec("analyze"),
    close: () => database.close(),
  };
}

async function nedb(folder, { isIndexed = true } = {}) {
  const { default: Datastore } = await import("@seald-io/nedb");
  const database = new Datastore({ filename: join(folder, "data.db") });
  await database.loadDatabaseAsync();
  if (isIndexed) for (const fieldName of Object.keys(indexes)) await database.ensureIndexAsync({ fieldName });
  const toDocument = ([id, record]) => ({ _id: id, ...record });
  return {
    set: (id, record) => database.insertAsync(toDocument([id, record])),
    setMany: (entries) => database.insertAsync(entries.map(toDocument)),
    get: (id) => database.findOneAsync({ _id: id }),
    group: (group) => database.findAsync({ group }),
    where: (query) => database.findAsync(query),
    page: (skip, limit) => database.findAsync({}).sort({ rank: 1 }).skip(skip).limit(limit),
    prefix: (prefix) => database.findAsync({ _id: new RegExp(`^${prefix}`) }),
    finish: () => {},
    close: () => {},
  };
}

const stores = {
  ours,
  original: filtering("original"),
  lmdb: filtering("lmdb"),
  "better-sqlite3": sqlite,
  nedb,
};

/** The stores that can be asked. */
export const searchable = Object.keys(stores);

/** Opens the searched store of this name. */
export const openSearched = (name, folder, options) => stores[name](folder, options);
