import { access, readFile, readdir, truncate, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { FailingBackend } from "../helpers/failing-backend.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import {
  activeWal,
  appendToWal,
  reopened,
  storedEntries,
  temporaryFolder,
  walOperations,
} from "../helpers/store-folder.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };

test("set(), the file ended in a torn line, survives and the torn bytes are set aside", async (t) => {
  const folder = await temporaryFolder(t);
  const torn = '{"ts":"2024-01-01T00:00:00.000Z","op":"set","id":"torn","da';
  await reopened(Store, folder, (store) => store.set("first", { n: 1 }));
  await appendToWal(folder, torn);
  await reopened(Store, folder, (store) => store.set("second", { n: 2 }));
  t.deepEqual(await storedEntries(Store, folder), [
    ["first", { n: 1 }],
    ["second", { n: 2 }],
  ]);
  t.is((await walOperations(folder)).length, 2);
  const wal = await activeWal(folder);
  const aside = (await readdir(dirname(wal))).filter((name) => name.endsWith(".torn"));
  t.is(aside.length, 1);
  t.true((await readFile(join(dirname(wal), aside[0]), "utf8")).includes(torn));
});

test("set(), the last line is complete but for its newline, keeps both", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set("first", { n: 1 }));
  const wal = await activeWal(folder);
  await truncate(wal, (await readFile(wal)).length - 1);
  await reopened(Store, folder, (store) => store.set("second", { n: 2 }));
  t.deepEqual(
    (await storedEntries(Store, folder)).map(([id]) => id),
    ["first", "second"],
  );
});

const rejected = {
  "set() of a new record": (store) => store.set("new", { n: 2 }),
  "set() of a known record": (store) => store.set("known", { n: 2 }),
  "delete()": (store) => store.delete("known"),
  "batch()": (store) =>
    store.batch(() => {
      store.delete("known");
      store.set("new", { n: 2 });
    }),
};

for (const [title, write] of Object.entries(rejected)) {
  test(`${title}, the append is rejected, changes neither the records nor what undo() takes back`, async (t) => {
    const folder = await temporaryFolder(t);
    const backend = new FailingBackend();
    const store = new Store();
    await store.open(folder, { ...manual, backend });
    await store.set("earlier", { n: 0 });
    await store.set("known", { n: 1 });
    backend.failNext("appendOps");
    await t.throwsAsync(write(store), { message: /no space left/ });
    t.deepEqual(store.entries(), [
      ["earlier", { n: 0 }],
      ["known", { n: 1 }],
    ]);
    t.is(store.getOps().length, 2);
    t.true(await store.undo());
    t.deepEqual(store.entries(), [["earlier", { n: 0 }]]);
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), [["earlier", { n: 0 }]]);
  });
}

const fullDisk = process.platform === "win32" ? test.skip : test;

fullDisk(
  "set(), the disk fills in the middle of a line, rejects with OPSLOG_IO and loses no other write",
  async (t) => {
    const folder = await temporaryFolder(t);
    const limit = 64 * 1024;
    const child = await openInProcess(t, folder, manual, { fileSizeLimit: limit / 512 });
    const filler = "x".repeat(1000);
    for (let n = 0; n < 50; n++) await child.call("set", `filler-${n}`, { filler });
    const error = await t.throwsAsync(child.call("set", "large", { text: "y".repeat(limit) }));
    t.is(error.code, "OPSLOG_IO");
    t.is(error.causeCode, "EFBIG");
    t.false(await child.call("has", "large"));
    await child.call("set", "next", { n: 1 });
    t.is(await child.call("count"), 51);
    await child.kill();
    const text = await readFile(await activeWal(folder), "utf8");
    t.false(text.includes("large"));
    const entries = await storedEntries(Store, folder);
    t.is(entries.length, 51);
    t.deepEqual(entries.at(-1), ["next", { n: 1 }]);
  },
);

fullDisk("batch(), the disk fills in the middle of it, leaves none of it behind", async (t) => {
  const folder = await temporaryFolder(t);
  const child = await openInProcess(t, folder, manual, { fileSizeLimit: 64 });
  await child.call("set", "first", { n: 1 });
  const entries = Array.from({ length: 60 }, (_, n) => [`batch-${n}`, { filler: "x".repeat(1000) }]);
  await t.throwsAsync(child.call("batchSet", entries));
  t.deepEqual(await child.call("entries"), [["first", { n: 1 }]]);
  await child.call("set", "next", { n: 2 });
  await child.kill();
  t.deepEqual(await storedEntries(Store, folder), [
    ["first", { n: 1 }],
    ["next", { n: 2 }],
  ]);
});

test("set(), the log was deleted under the store, creates it again with the state that it held", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  await store.set("first", { n: 1 });
  await unlink(await activeWal(folder));
  await new Promise((resolve) => setImmediate(resolve));
  await store.set("second", { n: 2 });
  await store.close();
  await t.notThrowsAsync(access(await activeWal(folder)));
  t.deepEqual(
    (await storedEntries(Store, folder)).map(([id]) => id),
    ["first", "second"],
  );
});
