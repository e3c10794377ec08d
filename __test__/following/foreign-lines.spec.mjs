import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { Life } from "../../campaigns/foreign-lines/life.mjs";
import { Store } from "../../index.mjs";
import { original } from "../helpers/original.mjs";
import {
  activeWal,
  reopened,
  storedEntries,
  temporaryFolder,
  walOperations,
} from "../helpers/store-folder.mjs";

const Original = original.Store;
const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const program = fileURLToPath(new URL("../helpers/appending-process.mjs", import.meta.url));
const run = promisify(execFile);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A line of another process, as long as the store's own first line of such a record. */
function foreignLine(id, data) {
  const ts = "2026-01-01T00:00:00.000Z";
  return `${JSON.stringify({ ts, op: "set", id, prev: null, data })}\n`;
}

async function openStore(t, folder, options = manual) {
  const store = new Store();
  await store.open(folder, options);
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

async function sameAfterReopening(t, store, folder) {
  const entries = store.entries();
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), entries);
  t.deepEqual(await storedEntries(Original, folder), entries);
  return entries;
}

test("set(), another process appends an equally long line between two of one turn, gives each record its own value", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  const log = await activeWal(folder);
  await store.set("aaa", { n: "own-1" });
  appendFileSync(log, foreignLine("xxx", { n: "their" }));
  await store.set("bbb", { n: "own-2" });
  t.deepEqual(store.get("bbb"), { n: "own-2" });
  t.deepEqual(
    store.getOps().map(({ id }) => id),
    ["aaa", "xxx", "bbb"],
  );
  t.deepEqual(await sameAfterReopening(t, store, folder), [
    ["aaa", { n: "own-1" }],
    ["xxx", { n: "their" }],
    ["bbb", { n: "own-2" }],
  ]);
});

test("tail(), lines of another process came between the store's own, returns them once and none of the store's", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  const log = await activeWal(folder);
  for (let n = 0; n < 3; n++) {
    store.set(`own-${n}`, { n });
    appendFileSync(log, foreignLine(`their-${n}`, { n }));
  }
  await store.set("own-3", { n: 3 });
  t.deepEqual(
    (await store.tail()).map(({ id }) => id),
    ["their-0", "their-1", "their-2"],
  );
  t.deepEqual(await store.tail(), []);
  t.is(store.count(), 7);
});

test("undo(), another process has appended since the last look, takes back one operation and cuts off none of its lines", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  const log = await activeWal(folder);
  await store.set("own-1", { n: 1 });
  await store.set("own-2", { n: 2 });
  appendFileSync(log, foreignLine("their-1", { n: 1 }));
  await store.set("own-3", { n: 3 });
  await store.undo();
  t.deepEqual(
    (await sameAfterReopening(t, store, folder)).map(([id]) => id),
    ["own-1", "own-2", "their-1"],
  );
});

test("undo(), a part of a line of another process stands behind the operation, takes it back and leaves that part", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  const log = await activeWal(folder);
  const line = foreignLine("their-1", { n: 1 });
  await store.set("own-1", { n: 1 });
  await store.set("own-2", { n: 2 });
  appendFileSync(log, line.slice(0, 30));
  await turn();
  await store.undo();
  appendFileSync(log, line.slice(30));
  await turn();
  await store.set("own-3", { n: 3 });
  t.deepEqual(
    (await sameAfterReopening(t, store, folder)).map(([id]) => id),
    ["own-1", "their-1", "own-3"],
  );
});

test("set(), another process has written half of a line, is not swallowed by the rest of it", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  const log = await activeWal(folder);
  await store.set("own-1", { n: 1 });
  appendFileSync(log, foreignLine("their-1", { n: 1 }).slice(0, 30));
  await store.set("own-2", { n: 2 });
  await turn();
  await store.set("own-3", { n: 3 });
  t.deepEqual((await sameAfterReopening(t, store, folder)).map(([id]) => id).sort(), [
    "own-1",
    "own-2",
    "own-3",
  ]);
});

for (const [part, length] of [
  ["half of a line", 40],
  ["a line without its newline", undefined],
]) {
  for (const own of [0, 1, 3]) {
    test(`open(), a living process has written ${part} and ends it behind ${own} operations, loses none of them and tells of what is malformed`, async (t) => {
      const folder = await temporaryFolder(t);
      await reopened(Original, folder, (store) => store.set("first", { n: 0 }), manual);
      const log = await activeWal(folder);
      const line = foreignLine("their-1", { n: 1 });
      const begun = length ?? line.length - 1;
      appendFileSync(log, line.slice(0, begun));
      const store = await openStore(t, folder);
      const ids = Array.from({ length: own }, (_, n) => `own-${n}`);
      for (const id of ids) await store.set(id, { n: 1 });
      appendFileSync(log, line.slice(begun));
      await turn();
      await store.set("later", { n: 2 });
      await store.close();
      const theirs = length === undefined ? ["their-1"] : [];
      const expected = ["first", ...theirs, ...ids, "later"];
      t.deepEqual(
        (await storedEntries(Original, folder)).map(([id]) => id),
        expected,
      );
      const reader = new Store();
      await reader.open(folder, { readOnly: true });
      t.deepEqual(
        reader.entries().map(([id]) => id),
        expected,
      );
      t.is(reader.recovery.skippedLines.length, length === undefined ? 0 : 1);
      await reader.close();
      const torn = length === undefined ? undefined : readFileSync(`${log}.torn`, "utf8");
      t.is(torn, length === undefined ? undefined : `${line.slice(0, begun)}\n`);
    });
  }
}

test("get() and compact(), another process put a line into the middle of the log, give each record its own value", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  const log = await activeWal(folder);
  const value = (n) => ({ n, text: "x".repeat(900) });
  // More than is kept in memory of what was written.
  for (let n = 0; n < 12_000; n++) store.set(`own-${n}`, value(n));
  await store.flush();
  const lines = readFileSync(log, "utf8").split("\n");
  lines.splice(3, 0, foreignLine("theirs", { n: "in between" }).trimEnd());
  // Into the same file, as an editor does that does not replace it.
  writeFileSync(log, lines.join("\n"), { flag: "r+" });
  for (const n of [0, 5, 100, 11_999]) t.deepEqual(store.get(`own-${n}`), value(n));
  await turn();
  await store.compact();
  t.deepEqual(store.get("theirs"), { n: "in between" });
  t.is(store.count(), 12_001);
  t.deepEqual(
    (await store.tail()).map(({ id }) => id),
    ["theirs"],
  );
  t.deepEqual(await store.tail(), []);
  await store.close();
  const stored = new Map(await storedEntries(Store, folder));
  t.is(stored.size, 12_001);
  for (let n = 0; n < 12_000; n++) t.deepEqual(stored.get(`own-${n}`), value(n));
});

const ways = {
  "set()": async (store, id, value) => store.set(id, value),
  "set() without await": async (store, id, value) => {
    store.set(id, value);
    if (value.n % 100 === 0) await turn();
  },
  "batch()": (store, id, value) =>
    store.batch(() => {
      store.set(`${id}-first`, value);
      store.set(id, value);
    }),
  "set() of large values": async (store, id, value) => {
    if (value.n % 100 === 0) await store.set(id, { ...value, text: "x".repeat(300_000) });
    else await store.set(id, value);
  },
};

const modes = [
  ["immediate", {}],
  ["group", { writeMode: "group" }],
  ["async", { writeMode: "async" }],
  ["immediate, with checkpoints", { checkpointThreshold: 400 }],
  ["group, with checkpoints", { writeMode: "group", checkpointThreshold: 400 }],
];

for (const [way, write] of Object.entries(ways)) {
  for (const [mode, options] of modes) {
    test(`${way}, ${mode}, another process appends all the time, loses nothing and mixes nothing up`, async (t) => {
      const folder = await temporaryFolder(t);
      const store = await openStore(t, folder, { ...manual, ...options });
      const appending = run(process.execPath, [program, folder, "3000", "20"]);
      const expected = new Map();
      const seen = [];
      let ended = false;
      appending.then(() => (ended = true));
      for (let n = 0; n < 3000 || !ended; n++) {
        const id = `own-${n % 700}`;
        const value = { n, text: "x".repeat(n % 40) };
        await write(store, id, value);
        expected.set(id, n);
        if (n % 50 === 0) await turn();
        if (n % 500 === 0) seen.push(...(await store.tail()));
        if (n % 1100 === 0) t.is(store.get(id).n, n);
      }
      await appending;
      await store.flush();
      seen.push(...(await store.tail()));
      // A line that comes to a log while a checkpoint replaces it counts unless a later one of its record is in the next.
      if (mode.includes("checkpoints")) t.log(seen.length, new Set(seen.map(({ data }) => data.n)).size);
      if (mode.includes("checkpoints")) t.true(seen.length > 2900 && seen.length <= 3000);
      else t.is(seen.length, 3000);
      t.true(seen.every(({ id }) => id.startsWith("theirs-")));
      for (const [id, n] of expected) t.is(store.get(id).n, n);
      for (let n = 2950; n < 3000; n++) {
        t.is(store.get(`theirs-${String(n % 50).padStart(6, "0")}`).n, String(n).padStart(6, "0"));
      }
      await sameAfterReopening(t, store, folder);
    });
  }
}

test("close(), 0.8.1 has written beside the store, leaves what both wrote", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set("first", { n: 0 }), manual);
  // Each finds no lock, as on a file system that has none. It stays open: closing would take the store's lock away.
  const beside = new Original();
  await beside.open(folder, manual);
  await unlink(join(folder, ".lock"));
  const store = await openStore(t, folder);
  for (let n = 0; n < 200; n++) {
    await Promise.all([store.set(`own-${n}`, { n }), beside.set(`their-${n}`, { n })]);
    if (n % 7 === 0) await store.undo();
  }
  await store.close();
  const lines = await walOperations(folder);
  const stored = new Map(await storedEntries(Store, folder));
  t.is(stored.size, new Set(lines.map(({ id }) => id)).size);
  t.is([...stored.keys()].filter((id) => id.startsWith("own-") || id.startsWith("their-")).length, 400 - 29);
  t.deepEqual(await storedEntries(Original, folder), [...stored]);
});

test("set(), another process put another file in the place of the log, throws OPSLOG_FAILED that says so, and the next open() has that file", async (t) => {
  for (const options of [manual, { ...manual, agentId: "one" }]) {
    const folder = await temporaryFolder(t);
    const store = await openStore(t, folder, options);
    await store.set("a", { n: 1 });
    await turn();
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    const log = join(folder, options.agentId ? manifest.activeAgentOps.one : manifest.activeOps);
    // As `sed -i` does.
    writeFileSync(`${log}.new`, readFileSync(log, "utf8").replace('"n":1', '"n":7'));
    renameSync(`${log}.new`, log);
    for (const change of [
      () => store.set("b", { n: 2 }),
      () => store.batch(() => store.set("c", { n: 3 })),
    ]) {
      const error = await t.throwsAsync(change, { code: "OPSLOG_FAILED" });
      t.regex(error.message, /another file in the place of .*jsonl.*Close it and open it again/s);
    }
    t.deepEqual(store.get("a"), { n: 1 });
    await store.close();
    await store.open(folder, options);
    t.deepEqual(store.entries(), [["a", { n: 7 }]]);
    await store.set("b", { n: 2 });
    await store.close();
  }
});

test("set() and compact() of an agent, another process appends to its log in the same turn, mix nothing up, and its store opens", async (t) => {
  const folder = await temporaryFolder(t);
  const options = { ...manual, agentId: "one" };
  const store = await openStore(t, folder, options);
  const log = () =>
    join(folder, JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")).activeAgentOps.one);
  const expected = new Map();
  for (let n = 0; n < 600; n++) {
    await store.set(`own-${n % 50}`, { n: `own-${n}` });
    expected.set(`own-${n % 50}`, { n: `own-${n}` });
    const line = { ts: "2026-01-01T00:00:00.000Z", op: "set", id: `their-${n % 50}`, prev: null };
    appendFileSync(
      log(),
      `${JSON.stringify({ ...line, data: { n: `their-${n}` }, agent: "two", clock: 10_000 + n })}\n`,
    );
    expected.set(`their-${n % 50}`, { n: `their-${n}` });
    if (n % 90 === 89) await turn();
    if (n % 200 === 199) await store.compact();
  }
  await store.tail();
  const sorted = (entries) => [...entries].sort(([one], [other]) => (one < other ? -1 : 1));
  t.deepEqual(sorted(store.entries()), sorted(expected));
  await store.close();
  await store.open(folder, options);
  t.deepEqual(sorted(store.entries()), sorted(expected));
  await store.close();
});

test("tail() of an agent beside another, another process has appended to its log, shows what that wrote", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openStore(t, folder, { ...manual, agentId: "one" });
  await openStore(t, folder, { ...manual, agentId: "two" });
  const { activeAgentOps } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  await one.undo();
  await one.set("own", { n: 1 });
  const line = { ts: "2026-01-01T00:00:00.000Z", op: "set", id: "theirs", prev: null, data: { n: 2 } };
  appendFileSync(
    join(folder, activeAgentOps.one),
    `${JSON.stringify({ ...line, agent: "three", clock: 9 })}\n`,
  );
  await one.tail();
  t.deepEqual(one.entries(), [
    ["own", { n: 1 }],
    ["theirs", { n: 2 }],
  ]);
  await one.set("own", { n: 3 });
  t.deepEqual(one.get("theirs"), { n: 2 });
});

for (const call of ["compact", "archive"])
  test(`tail() of an agent, another process has appended between two of its lines and another agent calls ${call}(), returns what both wrote`, async (t) => {
    const folder = await temporaryFolder(t);
    const one = await openStore(t, folder, { ...manual, agentId: "one" });
    const two = await openStore(t, folder, { ...manual, agentId: "two" });
    // It knows the log of the other agent by now.
    t.false(await one.undo());
    await two.set("theirs", { n: 1 });
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    const own = one.set("own", { n: 2 });
    const line = { ts: "2026-01-01T00:00:00.000Z", op: "set", id: "foreign", prev: null, data: { n: 3 } };
    const foreign = JSON.stringify({ ...line, agent: "z", clock: 1_000_000 });
    await own;
    appendFileSync(join(folder, manifest.activeAgentOps.one), `${foreign}\n`);
    await one.delete("own");
    await two.refresh();
    await (call === "compact" ? two.compact() : two.archive((_, id) => id === "theirs"));
    t.deepEqual(
      (await one.tail()).map(({ op, id }) => [op, id]),
      [
        ["set", "theirs"],
        ["set", "foreign"],
      ],
    );
    t.deepEqual(one.get("foreign"), { n: 3 });
    t.is(one.has("theirs"), call === "compact");
  });

/** The agent's log, as the manifest names it. */
const logOf = (folder, agent) =>
  join(folder, JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")).activeAgentOps[agent]);

function linesOf(agent, id, clock) {
  const ts = "2026-01-01T00:00:00.000Z";
  return `${JSON.stringify({ ts, op: "set", id, prev: null, data: { n: 2 }, agent, clock })}\n`;
}

for (const name of ["another", "one"])
  test(`undo() of an agent alone, a process that works under the name ${name} has appended between its lines, takes back one operation`, async (t) => {
    const folder = await temporaryFolder(t);
    const one = await openStore(t, folder, { ...manual, agentId: "one" });
    const first = one.set("own-1", { n: 1 });
    // Its clock is ahead: its operation comes last, and its line does not.
    appendFileSync(logOf(folder, "one"), linesOf(name, "foreign", 9));
    await Promise.all([first, one.set("own-2", { n: 1 })]);
    t.true(await one.undo());
    const ids = () => one.entries().map(([id]) => id);
    t.deepEqual(ids(), ["own-1", "foreign"]);
    await one.close();
    t.deepEqual(
      (await storedEntries(Store, folder)).map(([id]) => id),
      ["own-1", "foreign"],
    );
  });

test("get() of an agent and of a reader, two programs of one name have given two operations the same number, show both", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openStore(t, folder, { ...manual, agentId: "one" });
  const reader = await openStore(t, folder, { readOnly: true });
  await one.set("own", { n: 1 });
  appendFileSync(logOf(folder, "one"), linesOf("one", "foreign", 1));
  await turn();
  await one.set("own-2", { n: 1 });
  t.deepEqual(one.get("foreign"), { n: 2 });
  t.deepEqual(
    (await reader.tail()).map(({ id }) => id),
    ["own", "foreign", "own-2"],
  );
  t.deepEqual(reader.get("foreign"), { n: 2 });
  await one.compact();
  t.deepEqual(one.get("foreign"), { n: 2 });
});

test("batch() of an agent, half of a line of another process has swallowed an operation before it, loses neither", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openStore(t, folder, { ...manual, agentId: "one" });
  await one.set("own-1", { n: 1 });
  await turn();
  const first = one.set("own-2", { n: 1 });
  appendFileSync(logOf(folder, "one"), linesOf("another", "foreign", 9).slice(0, 40));
  const swallowed = one.set("own-3", { n: 1 });
  const batch = one.batch(() => {
    one.set("own-4", { n: 1 });
    one.set("own-5", { n: 1 });
  });
  await Promise.all([first, swallowed, batch]);
  await one.close();
  const ids = (await storedEntries(Store, folder)).map(([id]) => id);
  t.deepEqual(ids.sort(), ["own-1", "own-2", "own-3", "own-4", "own-5"]);
});

for (const agentId of [undefined, "one"])
  test(`tail() of a reader, its writer${agentId === undefined ? "" : ", an agent,"} cuts a malformed line off that it has read, misses nothing`, async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openStore(t, folder, { ...manual, agentId });
    const log = agentId === undefined ? await activeWal(folder) : logOf(folder, agentId);
    await writer.set("a", { n: 1 });
    const reader = await openStore(t, folder, { readOnly: true });
    appendFileSync(log, '{"ts\n');
    await reader.tail();
    appendFileSync(log, '{"part');
    await writer.close();
    const next = await openStore(t, folder, { ...manual, agentId });
    await next.set("b", { n: 2 });
    await next.set("c", { n: 3 });
    t.deepEqual(
      (await reader.tail()).map(({ id }) => id),
      ["b", "c"],
    );
    t.deepEqual(reader.get("b"), { n: 2 });
  });

test("agents in whose logs another process appends lines and parts of lines lose nothing, and tell each operation once", async (t) => {
  t.timeout(300_000);
  for (let seed = 1; seed <= 60; seed++)
    await t.notThrowsAsync(() => new Life(Store, seed).run(40), `seed ${seed}`);
});

test("tail(), another process has written the first line of the log, lets the history show it", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  await store.set("a", { n: 1 });
  await store.compact();
  appendFileSync(await activeWal(folder), foreignLine("x", { n: 2 }));
  await store.tail();
  t.is(store.stats().opsCount, 1);
  t.is(store.getHistory("x").length, 1);
  await store.set("b", { n: 3 });
  const shown = () => store.getOps().map(({ id }) => id);
  t.deepEqual(shown(), ["x", "b"]);
  t.true((await store.undo()) && (await store.undo()));
  t.deepEqual(shown(), []);
  t.deepEqual(await sameAfterReopening(t, store, folder), [["a", { n: 1 }]]);
});
