/** The everyday steps: read, filter, update, delete, undo, batch, archive, checkpoint, reopen. */
import { byId, SideBySide, timed } from "./side-by-side.mjs";

const touched = (record, n) => ({ ...record, checked: { by: "demo", run: n } });

/** The first records by id: the order of the entries differs after undo() of a deletion, see docs/differences.md. */
const first = (store, count) => store.entries().sort(byId).slice(0, count);

export async function runEverydaySteps(account, stores, folders, ids) {
  const [ours, original] = stores;
  const opened = [
    await timed(() => ours.open(folders.ours)),
    await timed(() => original.open(folders.original)),
  ];
  const both = new SideBySide(account, ours, original);
  account.row("open", "snapshot and log that 0.8.1 wrote", opened[0].ms, opened[1].ms);

  await both.step("read", `get() of ${ids.length} ids, then entries()`, (store) => {
    let bytes = 0;
    for (const id of ids) bytes += store.get(id).name.length;
    return [bytes, store.entries().length];
  });
  await both.step(
    "filter",
    ([crates, busy, scoped]) => `${crates} crates, ${busy} with over 5 dependencies, ${scoped} scoped`,
    (store) => [
      store.count((record) => record.from === "cargo"),
      store.filter((record) => Object.keys(record.dependencies).length > 5).length,
      store.filter((record) => record.name.startsWith("@")).length,
    ],
  );
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
  account.row("close", "with the checkpoint on close", closed[0].ms, closed[1].ms);
}
