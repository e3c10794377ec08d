import { join } from "node:path";
import Database from "better-sqlite3";

const upsert = "insert into records values (?, ?) on conflict (id) do update set value = excluded.value";

function open(folder, { sync = "none", readOnly = false } = {}) {
  const database = new Database(join(folder, "data.db"), { readonly: readOnly });
  if (!readOnly) {
    database.pragma("journal_mode = WAL");
    database.pragma(`synchronous = ${sync === "none" ? "OFF" : "FULL"}`);
    database.exec("create table if not exists records (id text primary key, value text) without rowid");
  }
  database.pragma("busy_timeout = 60000");
  const statements = {
    get: database.prepare("select value from records where id = ?").pluck(),
    all: database.prepare("select id, value from records").raw(),
    count: database.prepare("select count(*) from records").pluck(),
    since: database.prepare("select id, value from records where id > ?").raw(),
    set: readOnly ? null : database.prepare(upsert),
  };
  const set = (id, record) => void statements.set.run(id, JSON.stringify(record));
  const setMany = database.transaction((entries) => {
    for (const [id, record] of entries) set(id, record);
  });
  return {
    set,
    setMany,
    get(id) {
      const text = statements.get.get(id);
      return text === undefined ? undefined : JSON.parse(text);
    },
    filter(predicate) {
      const kept = [];
      for (const [id, text] of statements.all.iterate()) {
        const value = JSON.parse(text);
        if (predicate(value, id)) kept.push(value);
      }
      return kept;
    },
    count: () => statements.count.get(),
    since: (last = "") => statements.since.all(last).map(([id, text]) => [id, JSON.parse(text)]),
    flush: () => {},
    close: () => database.close(),
  };
}

export default {
  description:
    "WAL, prepared statements, a table `(id text primary key, value text) without rowid` with JSON as text. " +
    "Without fsync: `synchronous=OFF`; with: `FULL`. A batch is a transaction.",
  open,
};
