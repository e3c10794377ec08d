/**
 * Stores that keep their history, as their users would: this package as it is; better-sqlite3 with an audit table, filled by
 * triggers, and an index on it. Loaded only in the process that measures.
 */
import { join } from "node:path";
import { entry } from "../stores/published.mjs";

const manual = { checkpointThreshold: 1e15, checkpointOnClose: false };

async function ours(folder) {
  const { Store } = await import(entry);
  const store = new Store();
  await store.open(folder, manual);
  return {
    setMany: (entries) =>
      store.batch(() => {
        for (const [id, record] of entries) store.set(id, record);
      }),
    seal: () => store.compact(),
    async historyOf(id) {
      const found = [];
      for await (const change of store.changes({ id })) found.push(change);
      return found;
    },
    async changes(each) {
      for await (const change of store.changes()) each(change);
    },
    mark: () => store.position,
    async at(position) {
      const view = await store.at(position);
      return { get: (id) => view.get(id), close: () => view.close() };
    },
    close: () => store.close(),
  };
}

const schema = `
  create table if not exists records (id text primary key, value text) without rowid;
  create table if not exists audit (position integer primary key, id text, ts integer, value text, before text);
  create index if not exists audit_of on audit (id);
  create trigger if not exists inserted after insert on records begin
    insert into audit (id, ts, value, before) values (new.id, unixepoch('subsec') * 1000, new.value, null);
  end;
  create trigger if not exists updated after update on records begin
    insert into audit (id, ts, value, before) values (new.id, unixepoch('subsec') * 1000, new.value, old.value);
  end;`;

const then = `
  select case when exists (select 1 from audit where id = @id and position > @position)
    then (select before from audit where id = @id and position > @position order by position limit 1)
    else (select value from records where id = @id) end`;

async function sqlite(folder) {
  const { default: Database } = await import("better-sqlite3");
  const database = new Database(join(folder, "data.db"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = OFF");
  database.exec(schema);
  const upsert = database.prepare(
    "insert into records values (?, ?) on conflict (id) do update set value = excluded.value",
  );
  const ofRecord = database.prepare("select * from audit where id = ? order by position");
  const all = database.prepare("select * from audit order by position");
  const before = database.prepare(then).pluck();
  const parsed = (row) => ({
    ...row,
    value: JSON.parse(row.value),
    before: row.before === null ? null : JSON.parse(row.before),
  });
  return {
    setMany: database.transaction((entries) => {
      for (const [id, record] of entries) upsert.run(id, JSON.stringify(record));
    }),
    seal() {},
    historyOf: (id) => ofRecord.all(id).map(parsed),
    changes(each) {
      for (const row of all.iterate()) each(parsed(row));
    },
    mark: () => database.prepare("select max(position) from audit").pluck().get(),
    at: (position) => ({ get: (id) => JSON.parse(before.get({ id, position })), close() {} }),
    close: () => database.close(),
  };
}

const stores = { ours, "better-sqlite3": sqlite };

export const withHistory = Object.keys(stores);

export const openWithHistory = (name, folder) => stores[name](folder);
