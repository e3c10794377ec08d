/** Store.recover(): what comes back from a damaged folder, that nothing in it is touched, and that the rest is told. */
import { readFile, readdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { manual, openAgent } from "../helpers/agents.mjs";
import { flip, lineStarts, offsetOf } from "../helpers/damage.mjs";
import { original } from "../helpers/original.mjs";
import { startStoreProcess } from "../helpers/processes.mjs";
import {
  activeWal,
  contents,
  currentSnapshot,
  reopened,
  storedEntries,
  temporaryFolder,
} from "../helpers/store-folder.mjs";

const byId = (entries) => [...entries].sort(([one], [other]) => (one < other ? -1 : 1));

/** A folder with an older snapshot, sealed logs, an archive segment, and operations behind the snapshot. */
async function filled(t, Class = Store, { records = 40 } = {}) {
  const folder = await temporaryFolder(t);
  const store = new Class();
  await store.open(folder, manual);
  for (let n = 0; n < records; n++) await store.set(`id-${n}`, { n, text: `value ${n}` });
  await store.archive((value) => value.n === 7, "old");
  await store.compact();
  await new Promise((resolve) => setTimeout(resolve, 3));
  for (let n = 0; n < 10; n++) await store.set(`id-${n + 10}`, { n, again: true });
  await store.delete("id-3");
  await store.compact();
  await new Promise((resolve) => setTimeout(resolve, 3));
  await store.set("late", { n: 1 });
  await store.delete("id-4");
  const entries = store.entries();
  await store.close();
  return { folder, entries };
}

async function recovered(t, folder) {
  const to = join(await temporaryFolder(t), "new");
  const before = await contents(folder);
  const report = await Store.recover(folder, to);
  t.deepEqual(await contents(folder), before, "nothing is written into the damaged folder");
  t.is((await Store.verify(to)).damageCount, 0);
  const entries = byId(await storedEntries(Store, to));
  t.deepEqual(byId(await storedEntries(original.Store, to)), entries);
  return { to, report, entries };
}

test("recover(), all snapshots are gone, brings back no operation that was undone after a checkpoint during which it was made", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  await store.set("a", 1);
  await store.compact();
  const compacted = store.compact();
  await store.set("undone", 2);
  await compacted;
  t.true(await store.undo());
  await store.set("b", 3);
  await store.compact();
  await store.set("c", 4);
  await store.close();
  for (const name of await readdir(join(folder, "snapshots"))) await rm(join(folder, "snapshots", name));
  const { entries } = await recovered(t, folder);
  t.deepEqual(entries, [
    ["a", 1],
    ["b", 3],
    ["c", 4],
  ]);
});

for (const [what, Class] of [
  ["this version", Store],
  ["0.8.1", original.Store],
]) {
  test(`recover(), any one byte of the snapshot or the manifest of ${what} is zeroed, brings every record back`, async (t) => {
    const { folder, entries } = await filled(t, Class, { records: 6 });
    const expected = byId(entries);
    for (const path of [await currentSnapshot(folder), join(folder, "manifest.json")]) {
      const sound = await readFile(path);
      for (let at = 0; at < sound.length; at += 3) {
        const content = Buffer.from(sound);
        content[at] = 0;
        await writeFile(path, content);
        const to = join(await temporaryFolder(t), "new");
        const report = await Store.recover(folder, to);
        const found = byId(await storedEntries(Store, to));
        t.deepEqual(found, expected, `${path} at ${at}: ${JSON.stringify(report)}`);
        await rm(to, { recursive: true });
      }
      await writeFile(path, sound);
    }
  });
}

for (const [what, damage] of Object.entries({
  "the manifest is missing": async (folder) => rm(join(folder, "manifest.json")),
  "the manifest is empty": async (folder) => writeFile(join(folder, "manifest.json"), ""),
  "the snapshot is missing": async (folder) => rm(await currentSnapshot(folder)),
  "the snapshot is empty": async (folder) => truncate(await currentSnapshot(folder), 0),
  "half of the snapshot is missing": async (folder) => truncate(await currentSnapshot(folder), 700),
  "the snapshot ends at a line": async (folder) => {
    const path = await currentSnapshot(folder);
    await truncate(path, (await lineStarts(path)).at(-3));
  },
  "snapshot and manifest are missing": async (folder) => {
    await rm(await currentSnapshot(folder));
    await rm(join(folder, "manifest.json"));
  },
})) {
  for (const [version, Class] of [
    ["this version", Store],
    ["0.8.1", original.Store],
  ]) {
    test(`recover(), ${what} in a folder of ${version}, brings every record back`, async (t) => {
      const { folder, entries } = await filled(t, Class);
      await damage(folder);
      const { report, entries: found, to } = await recovered(t, folder);
      t.deepEqual(found, byId(entries));
      t.is(report.missingRecords, 0);
      await reopened(Store, to, async (store) => {
        t.deepEqual([...(await store.loadArchive("old")).keys()], ["id-7"]);
      });
    });
  }
}

test("recover(), one byte of 100,000 records is zeroed and there is no history, brings the others back and tells the one", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  await store.batch(() => {
    for (let n = 0; n < 100_000; n++) store.set(`id-${n}`, { n, text: "some text" });
  });
  await store.compact();
  await store.prune();
  await store.close();
  const snapshot = await currentSnapshot(folder);
  const at = await offsetOf(snapshot, '{"id":"id-54321"');
  await flip(snapshot, at + 25, "\0");
  const { report, entries } = await recovered(t, folder);
  t.is(entries.length, 99_999);
  t.like(report, { records: 99_999, missingRecords: 1, lostCount: 1 });
  t.deepEqual(report.lost, [
    { path: snapshot, offset: at, what: "this line of the snapshot is no record", id: "id-54321" },
  ]);
});

test("recover(), lines of the log are damaged, tells their places and brings the rest back", async (t) => {
  const { folder, entries } = await filled(t);
  const log = await activeWal(folder);
  await flip(log, 3, "\0");
  const { report, entries: found } = await recovered(t, folder);
  t.deepEqual(found, byId(entries.filter(([id]) => id !== "late")));
  t.like(report.lost[0], { path: log, offset: 0, id: null });
});

test("recover(), a folder of agents whose snapshot or manifest is damaged, brings back what all of them wrote", async (t) => {
  for (const damage of [
    async (folder) => flip(await currentSnapshot(folder), 60, "\0"),
    async (folder) => rm(await currentSnapshot(folder)),
    async (folder) => rm(join(folder, "manifest.json")),
  ]) {
    const folder = await temporaryFolder(t);
    const one = await openAgent(t, folder, "one");
    const two = await openAgent(t, folder, "two");
    for (let n = 0; n < 4; n++) {
      await one.set(`one-${n}`, { n });
      await two.set(`two-${n}`, { n });
      await two.set("both", { n });
      await one.compact();
      await two.refresh();
    }
    await two.delete("one-0");
    await one.refresh();
    await one.set("last", { n: 9 });
    await two.refresh();
    const expected = byId(two.entries());
    await one.close();
    await two.close();
    await damage(folder);
    t.deepEqual((await recovered(t, folder)).entries, expected);
  }
});

test("recover() of a sound store is a copy of its records, and what cannot be a target is refused", async (t) => {
  const { folder, entries } = await filled(t);
  const { report, entries: found, to } = await recovered(t, folder);
  t.deepEqual(found, byId(entries));
  t.like(report, { lostCount: 0, missingRecords: 0, fromHistory: 0, archivedRecords: 1 });
  t.deepEqual(await storedEntries(Store, to), entries, "in the same order");
  for (const target of [to, join(folder, "inside"), folder]) {
    await t.throwsAsync(Store.recover(folder, target), { code: "OPSLOG_INVALID_ARGUMENT" });
  }
  await t.throwsAsync(Store.recover(await temporaryFolder(t), join(to, "..", "x")), {
    code: "OPSLOG_NO_STORE",
  });
  await t.throwsAsync(Store.recover(folder, 5), { code: "OPSLOG_INVALID_ARGUMENT" });
  const signal = AbortSignal.abort(new Error("enough"));
  await t.throwsAsync(Store.recover(folder, join(to, "..", "y"), { signal }), { message: "enough" });
  t.deepEqual(await readdir(join(to, "..")), ["new"]);
});

test("recover(), records are of an older schema version than the snapshot, keeps the version of each", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, async (store) => {
    await store.set("a", { v: 1 });
    await store.set("b", { v: 1 });
    await store.compact();
  });
  const migrate = (record, from) => ({ ...record, v: 2, from });
  const options = { ...manual, version: 2, migrate };
  await reopened(Store, folder, (store) => store.set("c", { v: 2 }), options);
  const snapshot = await currentSnapshot(folder);
  await flip(snapshot, (await offsetOf(snapshot, '{"id":"b"')) + 12, "\0");
  const to = join(await temporaryFolder(t), "new");
  await Store.recover(folder, to);
  t.deepEqual(byId(await storedEntries(Store, to, options)), [
    ["a", { v: 2, from: 1 }],
    ["b", { v: 2, from: 1 }],
    ["c", { v: 2 }],
  ]);
});

test("recover(), the process is killed, leaves no store in the new folder, and the next one succeeds", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, async (store) => {
    await store.batch(() => {
      for (let n = 0; n < 30_000; n++) store.set(`id-${n}`, { n, text: "x".repeat(100) });
    });
    await store.compact();
  });
  for (let cycle = 0; cycle < 3; cycle++) {
    const to = join(await temporaryFolder(t), "new");
    const child = await startStoreProcess(t);
    child.call("recover", folder, to).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 10 + 15 * cycle));
    await child.kill();
    const opened = await storedEntries(Store, to, { readOnly: true }).catch((error) => error);
    if (opened instanceof Error) t.regex(opened.code, /OPSLOG_(CORRUPT|NO_STORE)/);
    else t.is(opened.length, 30_000);
    const again = `${to}-again`;
    t.is((await Store.recover(folder, again)).records, 30_000);
  }
});

test("verify() of a damaged snapshot or manifest names recover()", async (t) => {
  const { folder } = await filled(t);
  const snapshot = await currentSnapshot(folder);
  await flip(snapshot, 80, "\0");
  t.regex((await Store.verify(folder)).advice, /Store\.recover\(dir, to\)/);
  t.regex((await Store.repair(folder)).after.advice, /opslog recover/);
  await rename(join(folder, "manifest.json"), join(folder, "manifest.old"));
  t.regex((await Store.verify(folder)).advice, /Store\.recover\(dir, to\)/);
  const { folder: sound } = await filled(t);
  t.is((await Store.verify(sound)).advice, undefined);
});

for (const [what, damage, told] of [
  ["missing", rm, /this log is missing: records from older files may be outdated/],
  [
    "shorter than it was",
    (log) => truncate(log, 0),
    /the log ends here, and had \d+ bytes when it was sealed/,
  ],
]) {
  test(`recover(), the current snapshot is missing and the log behind an older one is ${what}, tells that values may be outdated`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, manual);
    for (const n of [1, 2]) {
      await store.set("a", { n });
      await store.compact();
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await store.close();
    await rm(await currentSnapshot(folder));
    const sealed = (await readdir(join(folder, "ops"))).sort().at(-2);
    await damage(join(folder, "ops", sealed));
    const { report } = await recovered(t, folder);
    const losses = report.lost.filter((loss) => loss.path.endsWith(sealed));
    t.is(losses.length, 1);
    t.regex(losses[0].what, told);
  });
}
