/** The look at the log's file before a change: what it comes upon, and what follows when it fails. */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import test from "ava";
import { Store } from "../../index.mjs";
import { appendToWal, storedEntries } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";

// An open file keeps its folder from being renamed on Windows.
const posix = process.platform === "win32" ? test.skip : test;
const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };

function line(op, id, data, prev = null) {
  return `${JSON.stringify({ ts: new Date().toISOString(), op, id, data, prev })}\n`;
}

/** A store with two records whose objects are known, at the beginning of a turn of the event loop. */
async function openWithTwo(t) {
  const { store, folder } = await openOurs(t, manual);
  await store.set("a", { n: 1 });
  await store.set("b", { n: 1 });
  t.is(store.all().length, 2);
  await setImmediate();
  await setImmediate();
  return { store, folder };
}

test("undo(), another hand appended lines, takes the last one back and shows the others", async (t) => {
  const { store, folder } = await openWithTwo(t);
  await appendToWal(folder, line("set", "a", { n: 2 }, { n: 1 }) + line("set", "c", { n: 1 }));
  t.true(await store.undo());
  t.deepEqual(store.get("a"), { n: 2 });
  t.is(store.getOps().length, 3);
  const entries = [
    ["a", { n: 2 }],
    ["b", { n: 1 }],
  ];
  t.deepEqual(store.entries(), entries);
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), entries);
});

test("delete() of a record that another hand deleted rejects, and what else it logged shows", async (t) => {
  const { store, folder } = await openWithTwo(t);
  await appendToWal(folder, line("delete", "a", undefined, { n: 1 }) + line("set", "b", { n: 2 }, { n: 1 }));
  await t.throwsAsync(store.delete("a"), { code: "OPSLOG_NOT_FOUND" });
  t.is(store.get("a"), undefined);
  t.deepEqual(store.entries(), [["b", { n: 2 }]]);
  t.is(store.stats().activeRecords, 1);
});

for (const [title, call] of [
  ["set()", (store, id) => store.set(id, { n: 2 })],
  ["delete()", (store, id) => store.delete(id)],
]) {
  for (const together of [false, true]) {
    posix(
      `${title}, ${together ? "several at once" : "one after the other"}, the log is gone and cannot be created again, all reject`,
      async (t) => {
        const { store, folder } = await openWithTwo(t);
        await rename(join(folder, "ops"), join(folder, "elsewhere"));
        await setImmediate();
        await setImmediate();
        const codes = [];
        const calls = [];
        for (const id of ["a", "b"]) {
          calls.push(call(store, id).catch(({ code }) => codes.push(code)));
          if (!together) await calls.at(-1);
        }
        await Promise.all(calls);
        t.deepEqual(codes, ["OPSLOG_IO", "OPSLOG_IO"]);
        t.deepEqual(store.get("b"), { n: 1 });
        await rename(join(folder, "elsewhere"), join(folder, "ops"));
        await call(store, "b");
        await store.close();
        t.is((await storedEntries(Store, folder)).length, title === "set()" ? 2 : 1);
      },
    );
  }
}
