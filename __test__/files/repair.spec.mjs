/** Store.repair(): mends what can be mended without loss, sets aside what it takes out, deletes nothing. */
import { appendFile, readFile, readdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { flip, lineStarts, offsetOf } from "../helpers/damage.mjs";
import { original } from "../helpers/original.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import {
  activeWal,
  contents,
  currentSnapshot,
  storedEntries,
  temporaryFolder,
} from "../helpers/store-folder.mjs";

const expected = [
  ["a", { n: 1 }],
  ["b", { n: 2 }],
  ["c", { n: 3 }],
];

/** A folder with one record in the snapshot and two in the log. */
async function folderWithLog(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false });
  await store.set("a", { n: 1 });
  await store.compact();
  await store.set("b", { n: 2 });
  await store.set("c", { n: 3 });
  await store.close();
  return folder;
}

test("repair() of a folder that is whole, does nothing and takes no lock", async (t) => {
  const folder = await folderWithLog(t);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  const before = await contents(folder);
  t.like(await Store.repair(folder), { before: { ok: true }, steps: [], after: { ok: true } });
  t.deepEqual(await contents(folder), before);
  await store.close();
});

test("repair() of a log with malformed lines, sets them aside and moves nothing", async (t) => {
  const folder = await folderWithLog(t);
  const log = await activeWal(folder);
  const [first, second] = (await readFile(log, "utf8")).split("\n");
  const junk = ['{"half', "\u0000\u0001 not an operation", '{"op":"set"}'];
  await writeFile(log, `${junk[0]}\n${first}\n${junk[1]}\n${junk[2]}\n${second}\n`);
  const starts = await lineStarts(log);
  const { before, steps, after } = await Store.repair(folder);
  t.deepEqual(
    before.damage.map(({ path, offset, remedy }) => [path, offset, remedy]),
    [0, 2, 3].map((line) => [log, starts[line], "blank"]),
  );
  t.deepEqual(new Set(steps.map(({ aside }) => aside)), new Set([`${log}.torn`]));
  t.true(after.ok);
  t.is(await readFile(`${log}.torn`, "utf8"), junk.map((line) => `${line}\n`).join(""));
  const text = await readFile(log, "utf8");
  t.is(text.indexOf(first), starts[1]);
  t.is(text.indexOf(second), starts[4]);
  t.deepEqual(await storedEntries(original.Store, folder), expected);
  t.deepEqual(await storedEntries(Store, folder), expected);
});

test("repair() of a log whose last write has not finished, cuts it and sets it aside", async (t) => {
  const folder = await folderWithLog(t);
  const log = await activeWal(folder);
  const whole = await readFile(log, "utf8");
  await appendFile(log, '{"ts":"torn');
  const { steps, after } = await Store.repair(folder);
  t.is(steps.length, 1);
  t.like(steps[0], { damage: { path: log, offset: whole.length, remedy: "cut" }, aside: `${log}.torn` });
  t.true(after.ok);
  t.is(await readFile(log, "utf8"), whole);
  t.is(await readFile(`${log}.torn`, "utf8"), '{"ts":"torn\n');
  t.deepEqual(await storedEntries(Store, folder), expected);
});

test("repair() after a crash in the middle of a batch, and after another, leaves what was acknowledged", async (t) => {
  const folder = await folderWithLog(t);
  for (const cycle of [1, 2]) {
    const writer = await openInProcess(t, folder, { checkpointThreshold: 1000 });
    await writer.call("set", `kept-${cycle}`, { n: cycle });
    await writer.call("batchSet", [
      ["cut-1", { n: 1 }],
      ["cut-2", { n: 1 }],
    ]);
    await writer.kill();
    const log = await activeWal(folder);
    await truncate(log, (await lineStarts(log)).at(-1));
    const { before, after } = await Store.repair(folder);
    t.is(before.damage[0].remedy, "cut");
    t.true(after.ok);
    t.true((await readFile(`${log}.torn`, "utf8")).includes('"cut-1"'));
  }
  const entries = await storedEntries(Store, folder);
  t.deepEqual(entries, [...expected, ["kept-1", { n: 1 }], ["kept-2", { n: 2 }]]);
});

test("repair() of logs of agents, mends each, and all agents go on", async (t) => {
  const folder = await temporaryFolder(t);
  for (const agentId of ["one", "two"]) {
    const store = new Store();
    await store.open(folder, { agentId, checkpointOnClose: false });
    await store.set(agentId, { n: 1 });
    await store.close();
  }
  const logs = (await readdir(join(folder, "ops"))).filter((name) => name.startsWith("agent-"));
  t.is(logs.length, 2);
  for (const name of logs) await appendFile(join(folder, "ops", name), 'no operation\n{"torn');
  const { before, steps, after } = await Store.repair(folder);
  t.is(before.damageCount, 2);
  t.is(steps.length, 2);
  t.true(after.ok);
  const store = new Store();
  await store.open(folder, { agentId: "one" });
  t.deepEqual(store.entries(), [
    ["one", { n: 1 }],
    ["two", { n: 1 }],
  ]);
  await store.set("three", { n: 1 });
  await store.close();
  t.true((await Store.verify(folder)).ok);
});

test("repair() of what only a backup can mend, leaves it as it is and tells", async (t) => {
  const folder = await folderWithLog(t);
  const snapshot = await currentSnapshot(folder);
  await flip(snapshot, await offsetOf(snapshot, '{"id"'));
  const before = await contents(folder);
  const repaired = await Store.repair(folder);
  t.deepEqual(repaired.steps, []);
  t.deepEqual(repaired.after, repaired.before);
  t.is(repaired.after.damage[0].remedy, null);
  t.deepEqual(await contents(folder), before);
});

test("repair() while a writer or an agent has the folder open, rejects with OPSLOG_LOCKED and writes nothing", async (t) => {
  for (const options of [{}, { agentId: "one" }]) {
    const folder = await folderWithLog(t);
    const writer = await openInProcess(t, folder, options);
    await writer.call("set", "d", { n: 4 });
    const name = options.agentId === undefined ? "ops-" : "agent-";
    const log = (await readdir(join(folder, "ops"))).findLast((file) => file.startsWith(name));
    await appendFile(join(folder, "ops", log), "no operation\n");
    const before = await contents(folder);
    await t.throwsAsync(Store.repair(folder), { code: "OPSLOG_LOCKED" });
    t.deepEqual(await contents(folder), before);
    await writer.kill();
    t.true((await Store.repair(folder)).after.ok);
  }
});

test("repair() of a folder without a store, rejects with OPSLOG_NO_STORE and writes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  await t.throwsAsync(Store.repair(folder), { code: "OPSLOG_NO_STORE" });
  t.deepEqual(await contents(folder), {});
});

test("repair() of a large snapshot with one damaged line, resolves, and the store opens as before", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false });
  await store.batch(() => {
    for (let n = 0; n < 6000; n++) store.set(`id-${n}`, { n, text: "x".repeat(200) });
  });
  await store.compact();
  await store.close();
  const snapshot = await currentSnapshot(folder);
  await flip(snapshot, await offsetOf(snapshot, '{"id":"id-7"'));
  const before = await contents(folder);
  const report = await Store.repair(folder);
  t.like(report, { steps: [], failures: [], after: { ok: false } });
  t.true(report.after.damage.every(({ remedy }) => remedy === null));
  t.deepEqual(await contents(folder), before);
  await store.open(folder, { readOnly: true });
  t.is(store.count(), 6000);
  for (const n of [0, 6, 8, 5999]) t.is(store.get(`id-${n}`).n, n);
  await store.close();
});
