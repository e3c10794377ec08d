import { join } from "node:path";
import Datastore from "@seald-io/nedb";
import { NotAvailable } from "./opslog.mjs";

async function open(folder, { sync = "none" } = {}) {
  if (sync !== "none") throw new NotAvailable("it syncs no appends");
  const database = new Datastore({ filename: join(folder, "data.db") });
  await database.loadDatabaseAsync();
  const toDocument = (id, record) => ({ _id: id, ...record });
  return {
    set: (id, record) => database.insertAsync(toDocument(id, record)),
    setMany: (entries) => database.insertAsync(entries.map(([id, record]) => toDocument(id, record))),
    update: (id, record) => database.updateAsync({ _id: id }, toDocument(id, record)),
    get: (id) => database.findOneAsync({ _id: id }),
    filter(predicate) {
      return database.findAsync({
        $where() {
          return predicate(this, this._id);
        },
      });
    },
    count: () => database.countAsync({}),
    flush: () => {},
    close: () => {},
  };
}

export default {
  description:
    "`@seald-io/nedb` with its promises: `insertAsync` for what is new, `updateAsync` for what is there, an " +
    "array for a batch, `$where` to filter. It keeps everything in memory and appends JSON lines.",
  asynchronous: true,
  open,
};
