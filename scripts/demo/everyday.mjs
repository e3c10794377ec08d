/** The everyday steps: open and read, open and filter, update, delete, undo, batch, archive, checkpoint, reopen. */
import { isDeepStrictEqual } from "node:util";
import { byId, readInTurns, SideBySide, timed } from "./side-by-side.mjs";

const touched = (record, n) => ({ ...record, checked: { by: "demo", run: n } });

/** The first records by id: the order of the entries differs after undo() of a deletion, see docs/differences.md. */
const first = (store, count) => store.entries().sort(byId).slice(0, count);

/** What is read of a store that was just opened. */
const readings = (ids) => ({
  "open, read": {
    what: () => `snapshot and log that 0.8.1 wrote: get() of ${ids.length} ids, entries()`,
    read(store) {
      let bytes = 0;
      for (const id of ids) bytes += store.get(id).name.length;
      return [bytes, store.entries().length];
    },
  },
  "open, filter": {
    what: ([crates, busy, scoped]) => `${crates} crates, ${busy} with over 5 dependencies, ${scoped} scoped`,
    read: (store) => [
      store.count((record) => record.from === "cargo"),
      store.filter((record) => Object.keys(record.dependencies).length > 5).length,
      store.filter((record) => record.name.startsWith("@")).length,
    ],
  },
});

export async function runEverydaySteps(account, stores, folders, ids) {
  for (const [name, { what, read }] of Object.entries(readings(ids))) {
    const classes = stores.map((store) => store.constructor);
    const { ms, results } = await readInTurns(classes, [folders.ours, folders.original], read);
    account.row(name, what(results[0]), ...ms);
    account.expect(isDeepStrictEqual(...results), `${name}: the results differ`);
  }
  const [ours, original] = stores;
  await ours.open(folders.ours);
  await original.open(folders.original);
  const both = new SideBySide(account, ours, original);
  const updated = ids.filter((_, n) => n % 2 === 0);
  await both.step("update", `set() of ${updated.length} records, each awaited`, async (store) => {
    for (const [n, id] of updated.entries()) await store.set(id, touched(store.get(id), n));
    return store.count();
  });
  const deleted = ids.filter((_, n) => n % 10 === 1);
  await both.step("delete", `delete() of ${deleted.length} records, each awaited`, async (store) => {
    for (const id of deleted) await store.delete(id);
    return store.count();
  });
  await both.step("checkpoint", "compact()", async (store) => {
    await store.compact();
    return store.stats();
  });
  await both.step("undo", "20 updates and deletions, and undo() of the last 10", async (store) => {
    const some = first(store, 20);
    for (const [n, [id, record]] of some.entries()) {
      if (n % 4 === 3) await store.delete(id);
      else await store.set(id, touched(record, 2000 + n));
    }
    const outcomes = [];
    for (let n = 0; n < 10; n++) outcomes.push(await store.undo());
    return [outcomes, store.getHistory(some[0][0]).length, store.stats()];
  });
  await both.step("batch", `${deleted.length} additions and 100 updates in one batch()`, async (store) => {
    const some = first(store, 100);
    await store.batch(() => {
      for (const id of deleted) store.set(id, { from: "batch", name: id, dependencies: {} });
      for (const [n, [id, record]] of some.entries()) store.set(id, touched(record, 1000 + n));
    });
    return store.count();
  });
  await both.step(
    "archive",
    ([count]) => `archive() of ${count} packages for development, loadArchive()`,
    async (store) => {
      const count = await store.archive((record) => record.dev && record.name.startsWith("@"), "2024-Q1");
      return [count, (await store.loadArchive("2024-Q1")).size, store.listArchiveSegments()];
    },
  );
  await both.step("more updates", "100 updates after the archive", async (store) => {
    for (const [n, [id, record]] of first(store, 100).entries()) await store.set(id, touched(record, n));
    return store.count();
  });

  const closed = [await timed(() => ours.close()), await timed(() => original.close())];
  account.row("close", "with the checkpoint on close, which ours syncs", closed[0].ms, closed[1].ms);
}
