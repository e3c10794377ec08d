import test from "ava";
import { Store } from "../../index.mjs";
import { reopened, temporaryFolder } from "../helpers/store-folder.mjs";

const stored = ["a", "b", "c", "d", "e"];

async function folderWithRecords(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  for (const id of stored) await store.set(id, { id });
  await store.close();
  return folder;
}

async function ids(folder) {
  return reopened(Store, folder, (store) => store.entries().map(([id]) => id));
}

test("open() with skipLoad and an explicit threshold, the threshold is crossed, keeps every stored record", async (t) => {
  const folder = await folderWithRecords(t);
  const options = { skipLoad: true, checkpointThreshold: 2 };
  await reopened(
    Store,
    folder,
    async (store) => {
      for (const id of ["x", "y", "z"]) await store.set(id, { id });
      await store.batch(() => ["u", "v"].forEach((id) => store.set(id, { id })));
    },
    options,
  );
  t.deepEqual(await ids(folder), [...stored, "x", "y", "z", "u", "v"]);
});

test("close() with skipLoad and checkpointOnClose, something was written, keeps every stored record", async (t) => {
  const folder = await folderWithRecords(t);
  const options = { skipLoad: true, checkpointOnClose: true };
  await reopened(Store, folder, (store) => store.set("x", { n: 1 }), options);
  t.deepEqual(await ids(folder), [...stored, "x"]);
});

test("archive() under skipLoad, it matches what this session wrote, loses nothing that was stored", async (t) => {
  const folder = await folderWithRecords(t);
  await reopened(
    Store,
    folder,
    async (store) => {
      await store.set("x", { n: 1 });
      await store.archive((_, id) => id === "x", "2024-Q1").catch((error) => t.regex(error.code, /^OPSLOG_/));
      await store.set("y", { n: 2 });
    },
    { skipLoad: true },
  );
  await reopened(Store, folder, async (store) => {
    for (const id of [...stored, "y"]) t.true(store.has(id), id);
    const archived = store.listArchiveSegments().length > 0 ? await store.loadArchive("2024-Q1") : new Map();
    t.true(store.has("x") !== archived.has("x"));
  });
});

test("undo() after archive() under skipLoad, takes the last deletion back, and the segment stays", async (t) => {
  const folder = await folderWithRecords(t);
  await reopened(
    Store,
    folder,
    async (store) => {
      await store.set("x", { n: 1 });
      await store.set("y", { n: 2 });
      t.is(await store.archive(() => true, "2024-Q1"), 2);
      t.true(await store.undo());
      t.deepEqual(store.entries(), [["y", { n: 2 }]]);
      t.deepEqual([...(await store.loadArchive("2024-Q1")).keys()], ["x", "y"]);
    },
    { skipLoad: true },
  );
  await reopened(Store, folder, async (store) => {
    t.deepEqual([store.has("x"), store.has("y")], [false, true]);
  });
});

test("compact() under skipLoad, with records stored, rejects with the documented message", async (t) => {
  const folder = await folderWithRecords(t);
  await reopened(
    Store,
    folder,
    (store) =>
      t.throwsAsync(store.compact(), {
        message: "Cannot compact in skipLoad mode — in-memory Map is incomplete",
      }),
    { skipLoad: true },
  );
  t.deepEqual(await ids(folder), stored);
});
