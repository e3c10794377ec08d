/** What becomes of operations that are buffered and cannot be written. */
import diagnostics from "node:diagnostics_channel";
import { rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../index.mjs";
import { storedEntries } from "./helpers/store-folder.mjs";
import { openOurs } from "./helpers/stores.mjs";

// An open file keeps its folder from being renamed on Windows.
const posix = process.platform === "win32" ? test.skip : test;
const never = 2 ** 31 - 1;
const options = { checkpointOnClose: false, checkpointThreshold: Infinity, groupCommitMs: never };

/** Puts a file where the folder of logs was, so that none can be written; returns the way back. */
async function blockLogs(folder) {
  const [ops, elsewhere] = [join(folder, "ops"), join(folder, "elsewhere")];
  await rename(ops, elsewhere);
  await writeFile(ops, "");
  return async () => {
    await unlink(ops);
    await rename(elsewhere, ops);
  };
}

/** Messages of a channel that concern a folder, for the rest of the test. */
function reportsOf(t, channel, folder) {
  const reports = [];
  let wake = () => {};
  const listener = (message) => {
    if (message.folder !== folder) return;
    reports.push(message);
    wake();
  };
  diagnostics.subscribe(channel, listener);
  t.teardown(() => diagnostics.unsubscribe(channel, listener));
  reports.first = async () => {
    while (reports.length === 0) await new Promise((resolve) => (wake = resolve));
    return reports[0];
  };
  return reports;
}

posix(
  "set() in group mode, the buffer is full and cannot be written, rejects and is taken back; the others stay",
  async (t) => {
    const { store, folder } = await openOurs(t, { ...options, writeMode: "group", groupCommitSize: 3 });
    await store.set("a", { n: 1 });
    await store.set("b", { n: 2 });
    const unblock = await blockLogs(folder);
    await t.throwsAsync(store.set("c", { n: 3 }), { code: "OPSLOG_IO" });
    t.deepEqual(store.entries(), [
      ["a", { n: 1 }],
      ["b", { n: 2 }],
    ]);
    t.is(store.getOps().length, 2);
    await t.throwsAsync(store.flush(), { code: "OPSLOG_IO" });
    await unblock();
    await store.flush();
    await store.set("d", { n: 4 });
    await store.close();
    t.deepEqual(
      (await storedEntries(Store, folder)).map(([id]) => id),
      ["a", "b", "d"],
    );
  },
);

posix(
  "delete() in group mode, the buffer is full and cannot be written, rejects and leaves the record in its place",
  async (t) => {
    const { store, folder } = await openOurs(t, { ...options, writeMode: "group", groupCommitSize: 3 });
    await store.set("a", { n: 1 });
    await store.set("b", { n: 2 });
    const before = store.entries();
    const unblock = await blockLogs(folder);
    await t.throwsAsync(store.delete("a"), { code: "OPSLOG_IO" });
    t.deepEqual(store.entries(), before);
    await unblock();
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), before);
  },
);

posix(
  "set() in async mode, the buffer is full and cannot be written, resolves, stays, and is reported",
  async (t) => {
    const { store, folder } = await openOurs(t, { ...options, writeMode: "async", groupCommitSize: 2 });
    const reports = reportsOf(t, "opslog:flush-failed", folder);
    const unblock = await blockLogs(folder);
    await store.set("a", { n: 1 });
    t.is(reports.length, 0);
    await store.set("b", { n: 2 });
    t.is(reports.length, 1);
    t.is(reports[0].error.code, "OPSLOG_IO");
    t.is(store.count(), 2);
    await unblock();
    await store.flush();
    await store.close();
    t.is((await storedEntries(Store, folder)).length, 2);
  },
);

for (const writeMode of ["group", "async"]) {
  posix(
    `set() in ${writeMode} mode, the timer's flush fails, is reported and written by a later flush`,
    async (t) => {
      const { store, folder } = await openOurs(t, { ...options, writeMode, groupCommitMs: 1 });
      const reports = reportsOf(t, "opslog:flush-failed", folder);
      const unblock = await blockLogs(folder);
      await store.set("a", { n: 1 });
      const { error } = await reports.first();
      t.is(error.code, "OPSLOG_IO");
      t.deepEqual(store.get("a"), { n: 1 });
      await unblock();
      await store.flush();
      t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), [["a", { n: 1 }]]);
    },
  );
}
