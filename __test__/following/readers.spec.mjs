import { mkdir, rename, rmdir } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import test from "ava";
import { Store } from "../../index.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { activeWal, temporaryFolder } from "../helpers/store-folder.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };

async function writerAndReader(t) {
  const folder = await temporaryFolder(t);
  const writer = new Store();
  await writer.open(folder, manual);
  await writer.set("first", { n: 1 });
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  t.teardown(async () => {
    await reader.close();
    await writer.close();
  });
  return { folder, writer, reader };
}

const ids = (operations) => operations.map((operation) => operation.id);

test("tail() of a reader, the writer made checkpoints meanwhile, returns what is new, once and in order", async (t) => {
  const { writer, reader } = await writerAndReader(t);
  await writer.set("before", { n: 2 });
  t.deepEqual(ids(await reader.tail()), ["before"]);
  await writer.set("unseen", { n: 3 });
  await writer.compact();
  await writer.set("after", { n: 4 });
  t.deepEqual(ids(await reader.tail()), ["unseen", "after"]);
  await writer.compact();
  await writer.compact();
  await writer.delete("first");
  t.deepEqual(ids(await reader.tail()), ["first"]);
  t.deepEqual(await reader.tail(), []);
  t.deepEqual(reader.entries(), writer.entries());
});

test("refresh() of a reader in another process, after checkpoints and an archive, shows the writer's records", async (t) => {
  const { folder, writer } = await writerAndReader(t);
  const reader = await openInProcess(t, folder, { readOnly: true });
  await writer.set("second", { n: 2 });
  await writer.compact();
  await writer.archive((_, id) => id === "first", "2024-Q1");
  await writer.set("third", { n: 3 });
  await reader.call("refresh");
  t.deepEqual(await reader.call("entries"), writer.entries());
  t.deepEqual(await reader.call("listArchiveSegments"), ["archive/archive-2024-Q1.json"]);
});

test("tail() of the writer, during and after its own writes, returns nothing and doubles nothing", async (t) => {
  const { writer } = await writerAndReader(t);
  for (let n = 0; n < 20; n++) {
    const [seen] = await Promise.all([writer.tail(), writer.set(`id-${n}`, { n })]);
    t.deepEqual(seen, []);
  }
  t.deepEqual(await writer.tail(), []);
  t.is(writer.getOps().length, 21);
  t.is(writer.stats().opsCount, 21);
});

test("tail() twice at once, several operations are new, gives each of them to one of the two", async (t) => {
  const { writer, reader } = await writerAndReader(t);
  const written = ["a", "b", "c"];
  for (const id of written) await writer.set(id, { id });
  const [one, other] = await Promise.all([reader.tail(), reader.tail()]);
  t.deepEqual(ids([...one, ...other]), written);
  await writer.set("d", { id: "d" });
  t.deepEqual(ids(await reader.tail()), ["d"]);
  t.deepEqual(ids(reader.getOps()), ["first", ...written, "d"]);
});

test("tail() of a reader, the writer undid an operation, makes it vanish", async (t) => {
  const { writer, reader } = await writerAndReader(t);
  await writer.set("undone", { n: 2 });
  await reader.tail();
  t.true(reader.has("undone"));
  await writer.undo();
  t.deepEqual(await reader.tail(), []);
  t.false(reader.has("undone"));
  t.deepEqual(reader.entries(), writer.entries());
  t.is(reader.getOps().length, 1);
});

test("tail() of a reader, the writer undid an operation and wrote one of the same length, shows the new one", async (t) => {
  const { writer, reader } = await writerAndReader(t);
  await writer.set("undone", { n: 2 });
  await reader.tail();
  await writer.undo();
  await writer.set("redone", { n: 3 });
  t.deepEqual(ids(await reader.tail()), ["redone"]);
  t.deepEqual(reader.entries(), writer.entries());
  t.deepEqual(ids(reader.getOps()), ["first", "redone"]);
});

test("watch() of a reader, the writer makes a checkpoint, goes on calling back", async (t) => {
  const { writer, reader } = await writerAndReader(t);
  const seen = [];
  const all = new Promise((resolve) => {
    reader.watch((operations) => {
      seen.push(...ids(operations));
      if (seen.includes("last")) resolve();
    }, 5);
  });
  await writer.set("a", { n: 2 });
  await writer.compact();
  await writer.set("last", { n: 3 });
  await all;
  reader.unwatch();
  t.deepEqual(seen, ["a", "last"]);
});

test("refresh() of a reader, the log can't be read for a while, rejects and keeps every record", async (t) => {
  const { folder, writer, reader } = await writerAndReader(t);
  const wal = await activeWal(folder);
  await rename(wal, `${wal}.away`);
  await mkdir(wal);
  await t.throwsAsync(reader.refresh(), { code: "OPSLOG_IO" });
  t.deepEqual(reader.entries(), [["first", { n: 1 }]]);
  await rmdir(wal);
  await rename(`${wal}.away`, wal);
  await writer.set("second", { n: 2 });
  t.deepEqual(ids(await reader.tail()), ["second"]);
  t.deepEqual(reader.entries(), writer.entries());
});

for (const [title, options] of [
  ["a reader", { readOnly: true }],
  ["an agent", { agentId: "one", ...manual }],
]) {
  test(`get() during refresh() of ${title}, the records are in the log, misses none`, async (t) => {
    const folder = await temporaryFolder(t);
    const agent = options.agentId ? { agentId: options.agentId } : {};
    const writer = new Store();
    await writer.open(folder, { ...manual, ...agent });
    await writer.batch(() => {
      for (let n = 0; n < 500; n++) writer.set(`id-${n}`, { n });
    });
    await writer.close();
    const store = new Store();
    await store.open(folder, options);
    for (let round = 0; round < 5; round++) {
      let pending = true;
      const refresh = store.refresh().finally(() => (pending = false));
      while (pending) {
        t.is(store.count(), 500);
        t.deepEqual(store.get("id-499"), { n: 499 });
        await turn();
      }
      await refresh;
    }
    await store.close();
  });
}
