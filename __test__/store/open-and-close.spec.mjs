/** Smaller promises of a store: what it reports, what it hands out, and when it refuses. */
import { appendFile, readFile, rename, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { manual, openAgent } from "../helpers/agents.mjs";
import { original } from "../helpers/original.mjs";
import {
  activeWal,
  contents,
  readManifest,
  reopened,
  storedEntries,
  temporaryFolder,
} from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const posix = process.platform === "win32" ? test.skip : test;

test("mutations, close() was called before, throw or reject with OPSLOG_NOT_OPEN while it goes on", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const before = store.set("a", { n: 1 });
  const closing = store.close();
  const refused = { code: "OPSLOG_NOT_OPEN", message: "Store is not open. Call open() first." };
  t.throws(() => store.set("b", { n: 2 }), refused);
  t.throws(() => store.delete("a"), refused);
  for (const call of [
    () => store.batch(() => store.set("b", { n: 2 })),
    () => store.undo(),
    () => store.compact(),
    () => store.archive(() => true),
    () => store.close(),
  ])
    await t.throwsAsync(call(), refused);
  await before;
  await closing;
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
});

posix("open(), the log is a symbolic link, is refused to a writer and allowed to a reader", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("a", { n: 1 });
  await store.close();
  const [wal, elsewhere] = [await activeWal(folder), join(folder, "elsewhere.jsonl")];
  await rename(wal, elsewhere);
  await symlink(elsewhere, wal);
  const before = await readFile(elsewhere, "utf8");
  const error = await t.throwsAsync(new Store().open(folder), { code: "OPSLOG_IO" });
  t.is(error.cause.code, "ELOOP");
  t.is(error.path, wal);
  t.is(await readFile(elsewhere, "utf8"), before);
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), [["a", { n: 1 }]]);
});

test("open() with recovery strict, a log has a malformed line, rejects with OPSLOG_CORRUPT and names it", async (t) => {
  for (const options of [{}, { agentId: "one" }, { readOnly: true }]) {
    const { store, folder } = await openOurs(t, { ...manual, ...(options.agentId ? options : {}) });
    // More than 1 MB: such a log has an index at the next open.
    for (let n = 0; n < 12; n++) await store.set(`large-${n}`, { text: "x".repeat(100_000) });
    await store.close();
    const wal = await activeWal(folder);
    await reopened(Store, folder, () => {}, { ...manual, ...options });
    const offset = (await stat(wal)).size;
    await appendFile(wal, "not an operation\n");
    await reopened(Store, folder, (again) => again.set("b", { n: 2 }), options.agentId ? options : {});
    await appendFile(wal, '{"ts":"2024');
    const before = await readFile(wal, "utf8");
    const strict = new Store();
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await t.throwsAsync(strict.open(folder, { ...options, recovery: "strict" }));
      t.is(error.code, "OPSLOG_CORRUPT");
      t.is(error.path, wal);
      t.true(error.message.includes(String(offset)), error.message);
    }
    if (options.agentId === undefined) t.is(await readFile(wal, "utf8"), before);
  }
});

test("open() with recovery strict, the log's end is torn, opens and cuts it", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("a", { n: 1 });
  await store.close();
  await appendFile(await activeWal(folder), '{"ts":"2024');
  t.deepEqual(await storedEntries(Store, folder, { recovery: "strict" }), [["a", { n: 1 }]]);
});

test("recovery, the log has malformed lines and a torn end, tells of every one and where the end is now", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  t.deepEqual({ ...store.recovery, milliseconds: 0 }, recovery());
  await store.set("a", { n: 1 });
  await store.close();
  const wal = await activeWal(folder);
  const first = (await stat(wal)).size;
  await appendFile(wal, "not an operation\n");
  await reopened(Store, folder, (again) => again.set("b", { n: 2 }));
  const second = (await stat(wal)).size;
  await appendFile(wal, '{"ts":1}\n');
  await reopened(Store, folder, (again) => again.set("c", { n: 3 }));
  await appendFile(wal, '{"ts":"2024');
  const skippedLines = [
    { path: wal, offset: first },
    { path: wal, offset: second },
  ];

  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  t.deepEqual({ ...reader.recovery, milliseconds: 0 }, recovery({ skippedLines, tornBytes: 11 }));
  await reader.close();

  const { store: writer } = await openOurs(t, { folder, ...manual });
  const tornPath = `${wal}.torn`;
  t.deepEqual({ ...writer.recovery, milliseconds: 0 }, recovery({ skippedLines, tornBytes: 11, tornPath }));
  t.true(Object.isFrozen(writer.recovery));
  t.is(await readFile(tornPath, "utf8"), '{"ts":"2024\n');
  t.is(writer.count(), 3);
});

test.serial(
  "recovery of an agent, its own log is torn and another's has malformed lines, names each file, and so does stderr",
  async (t) => {
    const { store: one, folder } = await openOurs(t, { ...manual, agentId: "one" });
    const { store: two } = await openOurs(t, { ...manual, folder, agentId: "two" });
    await one.set("a", { n: 1 });
    await two.set("b", { n: 2 });
    const { activeAgentOps: logs } = await readManifest(folder);
    const [own, other] = [join(folder, logs.one), join(folder, logs.two)];
    await Promise.all([one.close(), two.close()]);
    const offset = (await stat(other)).size;
    await appendFile(other, "not an operation\n");
    await appendFile(own, '{"ts":"2024');
    const said = [];
    t.context.error = console.error;
    console.error = (line) => said.push(line);
    t.teardown(() => (console.error = t.context.error));
    const { store: again } = await openOurs(t, { ...manual, folder, agentId: "one" });
    const skippedLines = [{ path: other, offset }];
    const expected = recovery({ skippedLines, tornBytes: 11, tornPath: `${own}.torn` });
    t.deepEqual({ ...again.recovery, milliseconds: 0 }, expected);
    await appendFile(other, "nor this\n");
    await again.tail();
    t.deepEqual(said, [
      `opslog: skipped 1 malformed line(s) in ${other}`,
      `opslog: skipped 1 malformed line(s) in ${own}`,
      `opslog: skipped 1 malformed line(s) in ${other}`,
    ]);
  },
);

function recovery(found = {}) {
  return { skippedLines: [], tornBytes: 0, tornPath: null, indexRebuilt: false, milliseconds: 0, ...found };
}

for (const method of ["streamSnapshot", "getWalOps"]) {
  everywhere(
    `${method}(), its signal is aborted, rejects with the reason and leaves the store usable`,
    async (t) => {
      const { store } = await openOurs(t, manual);
      const fill = async () => {
        for (const id of ["a", "b", "c"]) await store.set(id, { id });
      };
      await fill();
      if (method === "streamSnapshot") await store.compact();
      const begin = (signal) =>
        method === "streamSnapshot"
          ? store.streamSnapshot({ signal })
          : store.getWalOps(undefined, { signal });
      const reason = new Error("enough");
      t.is(await t.throwsAsync(begin(AbortSignal.abort(reason)).next()), reason);
      const controller = new AbortController();
      const running = begin(controller.signal);
      t.false((await running.next()).done);
      controller.abort(reason);
      t.is(await t.throwsAsync(running.next()), reason);
      t.true((await running.next()).done);
      await fill();
      t.is(store.count(), 3);
    },
  );
}

everywhere("getManifest(), the caller changes what it returned, returns the same as before", async (t) => {
  const { store } = await openOurs(t, manual);
  await store.set("a", { n: 1 });
  await store.archive(() => true, "2024-Q1");
  const expected = structuredClone(store.getManifest());
  const returned = store.getManifest();
  returned.archiveSegments.push("archive/other.json");
  returned.stats.activeRecords = 77;
  returned.currentSnapshot = "elsewhere";
  t.deepEqual(store.getManifest(), expected);
  t.deepEqual(store.listArchiveSegments(), ["archive/archive-2024-Q1.json"]);
  store.listArchiveSegments().pop();
  t.is(store.listArchiveSegments().length, 1);
});

test("undo() of 0.8.1 within a batch of ours, after our close(), leaves the rest of the batch to ours", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("before", { n: 0 });
  await store.batch(() => {
    for (const id of ["a", "b", "c"]) store.set(id, { id });
  });
  await store.close();
  await reopened(original.Store, folder, async (theirs) => {
    t.true(await theirs.undo());
    t.deepEqual(
      theirs.entries().map(([id]) => id),
      ["before", "a", "b"],
    );
  });
  const { store: again } = await openOurs(t, { folder, ...manual });
  t.deepEqual(
    again.entries().map(([id]) => id),
    ["before", "a", "b"],
  );
  t.is(again.recovery.tornBytes, 0);
});

/** A folder in which two agents wrote, which are gone. */
async function folderOfAgents(t) {
  const folder = await temporaryFolder(t);
  for (const agentId of ["one", "other"]) {
    const agent = await openAgent(t, folder, agentId);
    await agent.set(agentId, { agentId });
    await agent.close();
  }
  return folder;
}

test("open() with readOnly of a folder of agents, without agentId, merges their logs and writes nothing", async (t) => {
  const folder = await folderOfAgents(t);
  const before = await contents(folder);
  const { store } = await openOurs(t, { folder, readOnly: true });
  t.deepEqual(store.entries(), [
    ["one", { agentId: "one" }],
    ["other", { agentId: "other" }],
  ]);
  t.deepEqual(await contents(folder), before);
  const agent = await openAgent(t, folder, "third");
  await agent.set("third", { agentId: "third" });
  t.deepEqual(
    (await store.tail()).map(({ id }) => id),
    ["third"],
  );
});

test("open() without agentId of a folder of agents, none has it open, makes it a single writer's again", async (t) => {
  const folder = await folderOfAgents(t);
  const { clock = 0 } = await readManifest(folder);
  const { store } = await openOurs(t, { folder, ...manual });
  t.deepEqual(
    store.entries().map(([id]) => id),
    ["one", "other"],
  );
  const manifest = await readManifest(folder);
  t.is(manifest.activeAgentOps, undefined);
  t.true(manifest.clock > clock);
  await store.set("single", { n: 1 });
  await t.throwsAsync(new Store().open(folder, { agentId: "one" }), { code: "OPSLOG_LOCKED" });
  await store.close();
  t.deepEqual(
    (await storedEntries(original.Store, folder)).map(([id]) => id),
    ["one", "other", "single"],
  );
});

test("open() without agentId of a folder of agents, one has it open, rejects with OPSLOG_LOCKED and leaves it to them", async (t) => {
  const folder = await folderOfAgents(t);
  const agent = await openAgent(t, folder, "one");
  const before = await readManifest(folder);
  const error = await t.throwsAsync(new Store().open(folder), { code: "OPSLOG_LOCKED" });
  t.is(error.path, join(folder, "index", "agent-one.lock"));
  t.deepEqual(await readManifest(folder), before);
  await agent.set("after", { n: 1 });
  await agent.close();
  t.is((await storedEntries(Store, folder)).length, 3);
});
