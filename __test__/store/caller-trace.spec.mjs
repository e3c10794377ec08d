/** The stack of an error that a method rejects with leads to the caller's line. */
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store, acquireLock, streamSnapshotFile } from "../../index.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const drained = async (steps) => {
  for await (const _ of steps);
};

const calls = {
  "batch() of a value that cannot be stored": ({ store }) => store.batch(() => store.set("a", undefined)),
  "batch() of an async function": ({ store }) => store.batch(async () => {}),
  "batch() of a deletion of what is not there": ({ store }) => store.batch(() => store.delete("a")),
  "set() of a value that cannot be stored": ({ store }) => store.set("a", undefined),
  "delete() of what is not there": ({ store }) => store.delete("a"),
  "delete() behind another call": ({ store }) => (store.flush(), store.delete("a")),
  "backup() into the store": ({ store, folder }) => store.backup(folder),
  "backup() into a folder below": ({ store, folder }) => store.backup(join(folder, "copy")),
  "archive()": ({ store }) => store.archive(() => true, ".."),
  "loadArchive()": ({ store }) => store.loadArchive("none"),
  "open()": ({ closed, folder }) => closed.open(join(folder, "none"), { readOnly: true }),
  "open() of a locked folder": ({ closed, folder }) => closed.open(folder),
  "close()": ({ closed }) => closed.close(),
  "undo()": ({ closed }) => closed.undo(),
  "compact()": ({ closed }) => closed.compact(),
  "refresh()": ({ closed }) => closed.refresh(),
  "tail()": ({ closed }) => closed.tail(),
  "verify()": ({ folder }) => Store.verify(join(folder, "none")),
  "acquireLock()": ({ folder }) => acquireLock(folder),
  "getWalOps()": ({ closed }) => drained(closed.getWalOps()),
  "streamSnapshot()": ({ closed }) => drained(closed.streamSnapshot()),
  "streamSnapshotFile()": ({ folder }) => drained(streamSnapshotFile(folder, "none")),
  "FsBackend.readBlob()": ({ backend }) => backend.readBlob("none"),
};

for (const [about, call] of Object.entries(calls)) {
  test(`${about} fails with the caller's line in the stack`, async (t) => {
    const folder = await temporaryFolder(t);
    const [store, closed, backend] = [new Store(), new Store(), new FsBackend()];
    await store.open(folder);
    await backend.initialize(folder, { readOnly: true });
    const theCaller = async () => {
      await call({ store, closed, backend, folder });
    };
    const error = await t.throwsAsync(theCaller());
    t.regex(error.stack, /at async theCaller|caller-trace\.spec\.mjs/, error.stack);
    await store.close();
  });
}

test("an error that many calls get has the callers of one of them", async (t) => {
  const store = new Store();
  const calls = Array.from({ length: 50 }, () => store.undo());
  for (const call of calls) {
    const error = await t.throwsAsync(call, { code: "OPSLOG_NOT_OPEN" });
    t.true(error.stack.split("\n").length < 30);
  }
});

everywhere("an error of the caller's own is passed on as it is", async (t) => {
  const store = new Store();
  await store.open(await temporaryFolder(t));
  const own = Object.freeze(new Error("own"));
  const before = own.stack;
  const passed = await t.throwsAsync(
    store.batch(() => {
      throw own;
    }),
  );
  t.is(passed, own);
  t.is(own.stack, before);
  await store.close();
});
