import { join } from "node:path";
import { ClassicLevel } from "classic-level";

async function open(folder, { sync = "none", mode = "immediate" } = {}) {
  const database = new ClassicLevel(join(folder, "level"), { valueEncoding: "json" });
  await database.open();
  const written = { sync: sync !== "none" };
  const put = (id, record) => database.put(id, record, written);
  return {
    set: mode === "async" ? (id, record) => void put(id, record) : put,
    setMany: (entries) =>
      database.batch(
        entries.map(([key, value]) => ({ type: "put", key, value })),
        written,
      ),
    get: (id) => database.getSync(id),
    async filter(predicate) {
      const kept = [];
      const iterator = database.iterator();
      for (let page; (page = await iterator.nextv(1000)).length > 0;) {
        for (const [id, value] of page) if (predicate(value, id)) kept.push(value);
      }
      await iterator.close();
      return kept;
    },
    flush: () => {},
    close: () => database.close(),
  };
}

export default {
  description:
    "JSON values, `sync` as asked for, `getSync` to read, pages of 1,000 to iterate, `batch` for a batch.",
  open,
};
