/** The history where another process has written the first line of a log, which would have said which log came before. */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { original } from "../helpers/original.mjs";
import { activeWal, temporaryFolder } from "../helpers/store-folder.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };

async function opened(t, folder, options = manual) {
  const store = new Store();
  await store.open(folder, options);
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

async function collect(changes) {
  const found = [];
  for await (const change of changes) found.push(change);
  return found;
}

const idsOf = (changes) => changes.map(({ id }) => id);

async function appendForeign(folder, id, data) {
  const line = { ts: new Date().toISOString(), op: "set", id, prev: null, data };
  await appendFile(await activeWal(folder), `${JSON.stringify(line)}\n`);
}

test("changes() and at() go on to the logs before one of which another process has written the first line", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await store.set("a", 1);
  const { position } = store;
  await store.compact();
  await appendForeign(folder, "b", 2);
  await store.set("c", 3);
  await store.compact();
  await store.set("d", 4);
  t.deepEqual(idsOf(await collect(store.changes())), ["a", "b", "c", "d"]);
  t.deepEqual(idsOf(await collect(store.changes({ reverse: true }))), ["d", "c", "b", "a"]);
  t.deepEqual(idsOf(await collect(store.changes({ after: position }))), ["b", "c", "d"]);
  const view = await store.at(position);
  t.deepEqual(view.entries(), [["a", 1]]);
  view.close();
});

test("changes() go on to the logs before one in which nothing but lines of another process stands, and through many checkpoints", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  const expected = [];
  for (let n = 0; n < 20; n++) {
    if (n % 3 > 0) {
      await appendForeign(folder, `foreign-${n}`, n);
      expected.push(`foreign-${n}`);
    }
    if (n % 3 < 2) {
      await store.set(`own-${n}`, n);
      expected.push(`own-${n}`);
    }
    await store.tail();
    await store.compact();
  }
  t.deepEqual(idsOf(await collect(store.changes())), expected);
});

test("changes() go on to the logs before one that another process began while the store was closed", async (t) => {
  const folder = await temporaryFolder(t);
  const first = await opened(t, folder, { ...manual, checkpointOnClose: true });
  await first.set("a", 1);
  const { position } = first;
  await first.close();
  await appendForeign(folder, "b", 2);
  const second = await opened(t, folder);
  await second.set("c", 3);
  await second.compact();
  await second.set("d", 4);
  t.deepEqual(idsOf(await collect(second.changes({ after: position }))), ["b", "c", "d"]);
  t.deepEqual(idsOf(await collect(second.changes())), ["a", "b", "c", "d"]);
});

test("tail() of a reader that has missed two checkpoints tells what stands in both logs, the first line of one by another process", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await store.set("a", 1);
  const reader = await opened(t, folder, { readOnly: true });
  await store.set("b", 2);
  await store.compact();
  await appendForeign(folder, "c", 3);
  await store.set("d", 4);
  await store.compact();
  await store.set("e", 5);
  t.deepEqual(idsOf(await reader.tail()), ["b", "c", "d", "e"]);
  t.deepEqual(reader.entries(), store.entries());
});

test("changes() go on to the logs before one that another process began and agents came after", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await store.set("a", 1);
  await store.compact();
  await appendForeign(folder, "b", 2);
  await store.close();
  const agent = await opened(t, folder, { agentId: "one" });
  await agent.set("c", 3);
  t.deepEqual(idsOf(await collect(agent.changes())), ["a", "b", "c"]);
  await agent.close();
  const again = await opened(t, folder);
  await again.set("d", 4);
  await again.compact();
  t.deepEqual(idsOf(await collect(again.changes())), ["a", "b", "c", "d"]);
});

test("changes() go on to a log of this version that 0.8.1 has begun to write to", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder, { ...manual, checkpointOnClose: true });
  await store.set("a", 1);
  await store.close();
  const other = new original.Store();
  await other.open(folder, { checkpointOnClose: false });
  await other.set("b", 2);
  await other.close();
  const again = await opened(t, folder);
  await again.set("c", 3);
  await again.compact();
  t.deepEqual(idsOf(await collect(again.changes())), ["a", "b", "c"]);
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  t.is(Object.keys(manifest.after ?? {}).length, 1);
});

test("changes() go on to the logs before one whose first line another process copied from another log", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await store.set("a", 1);
  await store.compact();
  await store.set("b", 2);
  const copied = await readFile(await activeWal(folder));
  await store.compact();
  await appendFile(await activeWal(folder), copied);
  await store.set("c", 3);
  t.deepEqual(idsOf(await collect(store.changes())), ["a", "b", "b", "c"]);
  await store.close();
  const again = await opened(t, folder);
  const reader = await opened(t, folder, { readOnly: true });
  await again.compact();
  await again.set("d", 4);
  await again.compact();
  await again.set("e", 5);
  t.deepEqual(idsOf(await collect(again.changes())), ["a", "b", "b", "c", "d", "e"]);
  t.deepEqual(idsOf(await reader.tail()), ["d", "e"]);
  t.deepEqual(reader.entries(), again.entries());
});

test("changes() show all logs that begin with the same malformed line, also after 0.8.1 has written the manifest", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  for (const id of ["a", "b", "c"]) {
    await appendFile(await activeWal(folder), "\r\n");
    await appendForeign(folder, id, 1);
    await store.tail();
    await store.compact();
  }
  await store.close();
  const other = new original.Store();
  await other.open(folder);
  await other.set("d", 2);
  await other.close();
  const again = await opened(t, folder);
  t.deepEqual(idsOf(await collect(again.changes())), ["a", "b", "c", "d"]);
});

test("changes() and tail() give an indented line once that is kept undoable through checkpoints and a restart", async (t) => {
  const folder = await temporaryFolder(t);
  const options = { ...manual, retain: { undo: 2 } };
  const store = await opened(t, folder, options);
  const reader = await opened(t, folder, { readOnly: true });
  await store.set("a", 1);
  const line = { ts: new Date().toISOString(), op: "set", id: "b", prev: null, data: 2 };
  await appendFile(await activeWal(folder), `  ${JSON.stringify(line)}\n`);
  await store.set("c", 3);
  t.deepEqual(idsOf(await reader.tail()), ["a", "b", "c"]);
  await store.compact();
  t.deepEqual(idsOf(await reader.tail()), []);
  await store.close();
  const again = await opened(t, folder, options);
  await again.compact();
  t.deepEqual(idsOf(await reader.tail()), []);
  await again.set("d", 4);
  await again.compact();
  t.deepEqual(idsOf(await reader.tail()), ["d"]);
  t.deepEqual(idsOf(await collect(again.changes())), ["a", "b", "c", "d"]);
  t.deepEqual(reader.entries(), again.entries());
});

for (const [title, before] of [
  ["of which another process has indented the last one", (line) => `{"no":1}\n  ${line}\n`],
  ["of which another process has indented the only one", (line) => `  ${line}\n`],
  ["of which another process has indented the first one, behind blank ones", (line) => `\r\n \n\t${line}\n`],
  ["with white space at the end that JSON does not know", (line) => `${line}\u00a0\n`],
  ["with white space around the last one, which has no newline", (line) => `${line}\n \t${line} \r`],
  [
    "of which another process has indented a batch",
    (line) => ["more", "more", "last"].map((mark) => ` ${line.slice(0, -1)},"batch":"${mark}"}\n`).join(""),
  ],
]) {
  test(`store.position and changes() in reverse give the positions of changes(), in a log ${title}`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = await opened(t, folder);
    const line = JSON.stringify({ ts: new Date().toISOString(), op: "set", id: "a", prev: null, data: 1 });
    await appendFile(await activeWal(folder), before(line));
    const reader = await opened(t, folder, { readOnly: true });
    const all = await collect(reader.changes());
    t.true(all.length > 0);
    t.is(reader.position, all.at(-1).position);
    t.deepEqual((await collect(reader.changes({ reverse: true }))).reverse(), all);
    for (const { position } of all) (await reader.at(position)).close();
    t.deepEqual(await collect(reader.changes({ after: reader.position })), []);
    await store.close();
  });
}

test("changes() show nothing of what was undone, where another process has written the first line of a log", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  await store.set("a", 1);
  const compacted = store.compact();
  await store.set("gone", 1);
  t.true(await store.undo());
  await compacted;
  await appendForeign(folder, "b", 2);
  await store.set("c", 3);
  await store.compact();
  await store.set("d", 4);
  t.deepEqual(idsOf(await collect(store.changes())), ["a", "b", "c", "d"]);
  t.false(store.has("gone"));
});
