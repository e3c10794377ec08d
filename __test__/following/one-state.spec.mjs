/**
 * All reads that are begun in one turn of the event loop show one state, whatever another thread takes over or changes
 * meanwhile: get() of a record that was looked at, and everything that goes through all records.
 */

import test from "ava";

import { Store } from "../../index.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Lets other threads go on within a turn of the event loop. */
const letOthersWork = () => Atomics.wait(nothing, 0, 0, 3);

const pause = () => new Promise((resolve) => setImmediate(resolve));

async function opened(t, dir, options) {
  const store = new Store();
  await store.open(dir, options);
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

/** What each way to read shows of all records, as JSON. The calls are all made before the first `await`. */
async function looks(store, ids) {
  const json = (pairs) => JSON.stringify([...pairs].sort(([one], [other]) => (one < other ? -1 : 1)));
  const had = ids.filter((id) => store.has(id));
  const seen = {
    get: json(had.map((id) => [id, store.get(id)])),
    getMany: json(zip(had, store.getMany(had))),
  };
  letOthersWork();
  const keys = [...store.keys()];
  seen.iteration = json(store);
  seen.keys = JSON.stringify(keys.sort());
  const counted = store.count();
  seen.entries = json(store.entries());
  seen.filter = JSON.stringify(
    store
      .filter(() => true)
      .map(JSON.stringify)
      .sort(),
  );
  const later = [
    store.find({}),
    store.findIds({}),
    store.countWhere({}),
    store.filterAsync(() => true),
    Array.fromAsync ? Array.fromAsync(store.scan()) : collected(store.scan()),
  ];
  const [found, foundIds, number, filtered, scanned] = await Promise.all(later);
  seen.find = JSON.stringify(found.map(JSON.stringify).sort());
  seen.filterAsync = JSON.stringify(filtered.map(JSON.stringify).sort());
  seen.findIds = JSON.stringify(foundIds.sort());
  seen.scan = json(scanned);
  return { seen, counts: [counted, number, had.length] };
}

const zip = (ids, values) => ids.map((id, at) => [id, values[at]]);

async function collected(entries) {
  const all = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

/** Compares all looks, turn for turn, until something has ended. */
async function sameUntil(t, ended, store, ids) {
  let isOver = false;
  const over = () => (isOver = true);
  ended.then(over, over);
  for (let turn = 0; !isOver || turn < 3; turn++) {
    // What was called begins in a microtask.
    for (let microtask = 0; microtask < 20; microtask++) await null;
    const { seen, counts } = await looks(store, ids);
    const { get, getMany, iteration, keys, entries, filter, find, filterAsync, findIds, scan } = seen;
    const values = JSON.stringify(
      JSON.parse(get)
        .map(([, value]) => JSON.stringify(value))
        .sort(),
    );
    const names = JSON.stringify(JSON.parse(get).map(([id]) => id));
    for (const [name, one, other] of [
      ["getMany", getMany, get],
      ["iteration", iteration, get],
      ["entries", entries, get],
      ["scan", scan, get],
      ["keys", keys, names],
      ["findIds", findIds, names],
      ["filter", filter, values],
      ["find", find, values],
      ["filterAsync", filterAsync, values],
    ])
      if (one !== other) return t.fail(`${name} differs from get() in one turn: ${one} / ${other}`);
    if (new Set(counts).size > 1) return t.fail(`counts differ in one turn: ${counts}`);
    await pause();
  }
  await ended;
  return t.pass();
}

const many = Array.from({ length: 200 }, (_, n) => `r${String(n).padStart(3, "0")}`);

async function filled(store, ids = many) {
  await store.batch(() => ids.forEach((id) => store.set(id, { id, n: 0 })));
}

test("reads of an agent in one turn show one state while its checkpoint takes over what another agent wrote", async (t) => {
  const dir = await temporaryFolder(t);
  const a = await opened(t, dir, { agentId: "A", checkpointThreshold: 1 });
  const b = await opened(t, dir, { agentId: "B", checkpointThreshold: Infinity });
  await filled(a);
  const ids = [...many, "new"];
  for (let round = 1; round <= 40; round++) {
    await b.refresh();
    a.entries();
    await b.batch(() => {
      for (const id of many.slice(0, 50)) b.set(id, { id, n: round });
      if (b.has("new")) b.delete("new");
      else b.set("new", { id: "new", n: round });
    });
    await a.set("r199", { id: "r199", n: round });
    await sameUntil(t, a.compact(), a, ids);
  }
});

for (const [title, options] of [
  ["a reader", { readOnly: true }],
  ["a reader with indexes", { readOnly: true, indexes: { n: {} } }],
  ["a reader with cacheSize", { readOnly: true, cacheSize: 20 }],
])
  test(`reads of ${title} in one turn show one state while a refresh() reads a long piece of the log`, async (t) => {
    const dir = await temporaryFolder(t);
    const writer = await opened(t, dir, { checkpointThreshold: Infinity });
    await filled(writer);
    const reader = await opened(t, dir, options);
    for (let round = 1; round <= 12; round++) {
      reader.entries();
      for (const id of many.slice(0, 100)) reader.get(id);
      await writer.batch(() => {
        for (const id of many)
          if (!writer.has(id) || round % 3 > 0) writer.set(id, { id, n: round, text: "x".repeat(3000) });
        if (round % 3 === 0) writer.delete(many[round]);
      });
      if (round % 4 === 0) await writer.undo({ batch: true });
      if (round % 5 === 0) await writer.compact();
      await sameUntil(t, reader.refresh(), reader, many);
    }
  });

for (const [title, options] of [
  ["a reader of agents", { readOnly: true }],
  ["an agent", { agentId: "B", checkpointThreshold: Infinity }],
])
  test(`reads of ${title} in one turn show one state while tail() takes over what others wrote`, async (t) => {
    const dir = await temporaryFolder(t);
    const a = await opened(t, dir, { agentId: "A", checkpointThreshold: Infinity });
    await filled(a);
    const other = await opened(t, dir, options);
    for (let round = 1; round <= 20; round++) {
      other.entries();
      await a.batch(() => {
        for (const id of many) if (a.has(id)) a.set(id, { id, n: round });
        if (a.has("r007")) a.delete("r007");
        else a.set("r007", { id: "r007", n: round });
      });
      if (round % 3 === 0) await a.undo({ batch: true });
      if (round % 5 === 0) await a.compact();
      await sameUntil(t, other.tail(), other, many);
    }
  });

for (const [title, options] of [
  ["a single writer", {}],
  ["an agent", { agentId: "A" }],
])
  test(`reads of ${title} in one turn show one state while records go to an archive`, async (t) => {
    const dir = await temporaryFolder(t);
    const store = await opened(t, dir, { checkpointThreshold: Infinity, ...options });
    await filled(store);
    for (let round = 0; round < 15; round++) {
      store.entries();
      const gone = new Set(many.slice(round * 10, round * 10 + 10));
      await sameUntil(
        t,
        store.archive((value) => gone.has(value.id)),
        store,
        many,
      );
    }
    t.is(store.count(), 50);
  });

test("reads of an agent in one turn show one state while undo() waits for other agents", async (t) => {
  const dir = await temporaryFolder(t);
  const a = await opened(t, dir, { agentId: "A", checkpointThreshold: Infinity });
  const b = await opened(t, dir, { agentId: "B", checkpointThreshold: Infinity });
  await filled(a);
  for (let round = 1; round <= 20; round++) {
    await a.batch(() => many.slice(0, 100).forEach((id) => a.set(id, { id, n: round })));
    await b.refresh();
    await b.batch(() => many.slice(50, 150).forEach((id) => b.set(id, { id, n: -round })));
    a.entries();
    const operations = a.getOps();
    const undoing = a.undo({ batch: true });
    for (let microtask = 0; microtask < 20; microtask++) await null;
    letOthersWork();
    t.deepEqual(a.getOps(), operations);
    await sameUntil(t, undoing, a, many);
  }
});

test("the position of an agent is that of the records that it shows, while its checkpoint takes over what another agent wrote", async (t) => {
  const dir = await temporaryFolder(t);
  const a = await opened(t, dir, { agentId: "A", checkpointThreshold: 1 });
  const b = await opened(t, dir, { agentId: "B", checkpointThreshold: Infinity });
  await filled(a);
  for (let round = 1; round <= 10; round++) {
    await b.refresh();
    await b.batch(() => many.slice(0, 50).forEach((id) => b.set(id, { id, n: round })));
    await a.set("r199", { id: "r199", n: round });
    const compacting = a.compact();
    let isOver = false;
    compacting.then(() => (isOver = true));
    const taken = [];
    while (!isOver) {
      for (let microtask = 0; microtask < 20; microtask++) await null;
      const records = new Map(a.entries().map(([id, value]) => [id, value.n]));
      letOthersWork();
      taken.push([a.position, records]);
      await pause();
    }
    await compacting;
    const reader = await opened(t, dir, { readOnly: true, skipLoad: true });
    for (const [position, records] of [taken.at(0), ...taken.slice(-4)].filter(Boolean)) {
      for await (const change of reader.changes({ after: position })) {
        if (change.type === "set") records.set(change.id, change.value.n);
      }
      const now = new Map(a.entries().map(([id, value]) => [id, value.n]));
      t.deepEqual([...records].sort(), [...now].sort());
    }
    await reader.close();
  }
});
