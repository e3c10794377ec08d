/** What becomes of operations that are buffered and cannot be written. */
import diagnostics from "node:diagnostics_channel";
import { rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { storedEntries, walOperations } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { until } from "../helpers/until.mjs";

// An open file keeps its folder from being renamed on Windows.
const posix = process.platform === "win32" ? test.skip : test;
const never = 2 ** 31 - 1;
const options = { checkpointOnClose: false, checkpointThreshold: Infinity, groupCommitMs: never };

/**
 * Puts a link to a file where the folder of logs was, so that none can be written; returns the way back. It is one step: a
 * timer that flushes meanwhile would make the folder that it misses.
 */
async function blockLogs(folder) {
  const [ops, elsewhere, file, back] = ["ops", "elsewhere", "file", "back"].map((name) => join(folder, name));
  await rename(ops, elsewhere);
  await writeFile(file, "");
  await symlink(file, ops);
  return async () => {
    await symlink(elsewhere, back);
    await rename(back, ops);
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

posix(
  "set() in group mode, the buffer is full at the checkpoint's threshold and cannot be written, leaves the history as it was",
  async (t) => {
    const sizes = { checkpointThreshold: 3, groupCommitSize: 3 };
    const { store, folder } = await openOurs(t, { ...options, ...sizes, writeMode: "group" });
    await store.set("a", { n: 1 });
    await store.set("b", { n: 2 });
    t.is(store.getOps().length, 2);
    const unblock = await blockLogs(folder);
    await t.throwsAsync(store.set("c", { n: 3 }), { code: "OPSLOG_IO" });
    t.is(store.stats().opsCount, 2);
    t.deepEqual(
      store.getOps().map(({ id }) => id),
      ["a", "b"],
    );
    t.true(await store.undo());
    t.deepEqual(store.entries(), [["a", { n: 1 }]]);
    await unblock();
    await store.set("b", { n: 4 });
    await store.set("c", { n: 5 });
    // Now it is written, and the history starts anew.
    t.is(store.stats().opsCount, 0);
    await store.close();
    t.is((await storedEntries(Store, folder)).length, 3);
  },
);

posix(
  "delete() in group mode, the buffer is full at the checkpoint's threshold and cannot be written, leaves the record in its place",
  async (t) => {
    const sizes = { checkpointThreshold: 3, groupCommitSize: 3 };
    const { store, folder } = await openOurs(t, { ...options, ...sizes, writeMode: "group" });
    await store.set("a", { n: 1 });
    await store.set("b", { n: 2 });
    const entries = store.entries();
    const unblock = await blockLogs(folder);
    await t.throwsAsync(store.delete("a"), { code: "OPSLOG_IO" });
    t.deepEqual(store.entries(), entries);
    t.is(store.count(), 2);
    t.is(store.stats().opsCount, 2);
    await unblock();
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), entries);
  },
);

posix(
  "set() in group mode that is refused in the place of a deletion that was undone, leaves nothing",
  async (t) => {
    const { store, folder } = await openOurs(t, { ...options, writeMode: "group", groupCommitSize: 2 });
    await store.set("a", { n: 1 });
    await store.set("b", { n: 2 });
    await store.delete("a");
    t.true(await store.undo());
    t.true(await store.undo());
    await store.set("c", { n: 3 });
    const entries = store.entries();
    const unblock = await blockLogs(folder);
    await t.throwsAsync(store.set("d", { n: 4 }), { code: "OPSLOG_IO" });
    t.deepEqual(store.entries(), entries);
    t.is(store.get("d"), undefined);
    await unblock();
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), entries);
  },
);

for (const [title, fill] of [
  ["set() that fills the buffer", (store) => store.set("b", { n: 2 })],
  ["flush()", (store) => store.flush()],
]) {
  posix(
    `${title}, group mode, cannot be written: what is buffered is written in time without a call`,
    async (t) => {
      const own = { writeMode: "group", groupCommitSize: 2, groupCommitMs: 100 };
      const { store, folder } = await openOurs(t, { ...options, ...own });
      const unblock = await blockLogs(folder);
      // At once, before the timer: its own failure is tried again anyway.
      const buffered = store.set("a", { n: 1 });
      await t.throwsAsync(fill(store), { code: "OPSLOG_IO" });
      await buffered;
      await unblock();
      await until(async () => (await walOperations(folder)).length === 1);
      t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), [["a", { n: 1 }]]);
    },
  );
}

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
