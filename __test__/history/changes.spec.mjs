import { appendFile, readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import test from "ava";

import { Store } from "../../index.mjs";
import { openAgent } from "../helpers/agents.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { openOurs, openReference } from "../helpers/stores.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };
const brief = ({ type, id, value, before }) => [type, id, value, before];
const idsOf = (changes) => changes.map(({ id }) => id);

async function collect(changes) {
  const found = [];
  for await (const change of changes) found.push(change);
  return found;
}

/** Takes so many changes of a live reader. */
async function take(changes, count) {
  const found = [];
  while (found.length < count) found.push((await changes.next()).value);
  return found;
}

test("changes() gives every operation since the store was created, with the full value before, through checkpoints and restarts", async (t) => {
  const { store, folder } = await openOurs(t);
  const text = "long enough to make a delta pay off";
  await store.set("a", { n: 1, text });
  await store.set("a", { n: 2, text });
  await store.compact();
  await store.set("b", [1]);
  await store.delete("a");
  await store.close();
  await store.open(folder);
  await store.set("b", "two");
  t.deepEqual((await collect(store.changes())).map(brief), [
    ["set", "a", { n: 1, text }, null],
    ["set", "a", { n: 2, text }, { n: 1, text }],
    ["set", "b", [1], null],
    ["delete", "a", undefined, { n: 2, text }],
    ["set", "b", "two", [1]],
  ]);
  const [first] = await collect(store.changes({ limit: 1 }));
  t.deepEqual(Object.keys(first).sort(), ["before", "id", "position", "ts", "type", "value"]);
  t.regex(first.position, /^p[\w.~-]+$/);
});

everywhere(
  "changes() from a position gives what is behind it, and in reverse the same, the last first",
  async (t) => {
    const { store } = await openOurs(t, manual);
    for (let n = 0; n < 20; n++) {
      await store.set(`id${n % 3}`, { n });
      if (n % 6 === 5) await store.compact();
    }
    const all = await collect(store.changes());
    t.is(all.length, 20);
    for (const [place, { position }] of all.entries()) {
      t.deepEqual(await collect(store.changes({ after: position })), all.slice(place + 1));
      t.deepEqual(
        await collect(store.changes({ after: position, reverse: true })),
        all.slice(place + 1).reverse(),
      );
    }
    t.deepEqual(await collect(store.changes({ reverse: true, limit: 3 })), all.slice(-3).reverse());
    t.deepEqual(
      await collect(store.changes({ id: "id1" })),
      all.filter(({ id }) => id === "id1"),
    );
    t.is(store.position, all.at(-1).position);
    t.deepEqual(await collect(store.changes({ after: store.position })), []);
  },
);

test("changes() of one record finds it by the indexes that checkpoints made, and without them, for a reader too", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  const text = "long enough for a log of so many records to have an index".repeat(3);
  for (let n = 0; n < 4; n++) {
    for (let i = 0; i < 200; i++) await store.set(`id${i}-${n % 2}`, { n, i, text });
    await store.compact();
  }
  await store.batch(() => {
    store.set("id7-1", { n: 4, i: 7 });
    store.set("id8-1", { n: 4, i: 8 });
  });
  const all = await collect(store.changes());
  const { store: reader } = await openOurs(t, { folder, readOnly: true });
  const indexes = async () => (await readdir(join(folder, "index"))).filter((name) => name.endsWith(".ids"));
  t.is((await indexes()).length, 4);
  const check = async (from) => {
    for (const id of ["id7-1", "id199-0", "none"]) {
      const wanted = all.filter((change) => change.id === id);
      t.deepEqual(await collect(from.changes({ id })), wanted);
      t.deepEqual(await collect(from.changes({ id, reverse: true })), [...wanted].reverse());
      const after = all[250].position;
      t.deepEqual(
        await collect(from.changes({ id, after })),
        wanted.filter((change) => all.findIndex(({ position }) => position === change.position) > 250),
      );
    }
  };
  await check(store);
  for (const name of await indexes()) await rm(join(folder, "index", name));
  await check(reader);
  t.is((await indexes()).length, 0);
  await check(store);
  t.is((await indexes()).length, 4);
  t.is((await Store.verify(folder)).damageCount, 0);
});

test("a reader of the history that is left lets go of its logs at once", async (t) => {
  const { store } = await openOurs(t, manual);
  for (let n = 0; n < 3; n++) {
    await store.set("a", { n });
    await store.compact();
  }
  const changes = store.changes({ reverse: true });
  await changes.next();
  t.is((await store.prune({ dryRun: true })).files, 0);
  await changes.return();
  t.true((await store.prune()).files > 0);
});

everywhere("changes() by a time behind the year 9999 or before the year 0", async (t) => {
  const { store } = await openOurs(t);
  await store.set("a", 1);
  const count = async (wanted) => (await collect(store.changes(wanted))).length;
  const [last, first] = [new Date(8.64e15), new Date(-8.64e15)];
  for (const [late, early] of [
    [last, first],
    [last.toISOString(), first.toISOString()],
  ]) {
    t.is(await count({ since: late }), 0);
    t.is(await count({ until: late }), 1);
    t.is(await count({ since: early }), 1);
    t.is(await count({ until: early }), 0);
  }
});

everywhere("changes() by time: since excludes its operations, until includes them", async (t) => {
  const { store } = await openOurs(t, manual);
  const times = [];
  for (let n = 0; n < 3; n++) {
    await store.set(`id${n}`, { n });
    times.push((await collect(store.changes({ reverse: true, limit: 1 })))[0].ts);
    while (new Date().toISOString() === times[n]);
  }
  t.deepEqual(idsOf(await collect(store.changes({ since: times[0] }))), ["id1", "id2"]);
  t.deepEqual(idsOf(await collect(store.changes({ until: new Date(times[1]) }))), ["id0", "id1"]);
  t.deepEqual(idsOf(await collect(store.changes({ since: times[0], until: times[1] }))), ["id1"]);
});

everywhere("the operations of a batch have the position of its first one", async (t) => {
  const { store } = await openOurs(t, manual);
  await store.set("alone", 1);
  await store.batch(() => {
    store.set("one", 1);
    store.set("two", 2);
  });
  const [alone, one, two] = await collect(store.changes());
  t.deepEqual([alone.batch, one.batch, two.batch], [undefined, one.position, one.position]);
  t.deepEqual(await collect(store.changes({ after: one.position })), [two]);
});

everywhere(
  "a position that was undone is refused with OPSLOG_POSITION_GONE, and store.position is the way to begin anew",
  async (t) => {
    const { store } = await openOurs(t, manual);
    await store.set("a", 1);
    const kept = store.position;
    await store.set("a", 2);
    const undone = store.position;
    await store.undo();
    await store.set("a", 2);
    const error = await t.throwsAsync(collect(store.changes({ after: undone })), {
      code: "OPSLOG_POSITION_GONE",
    });
    t.regex(error.message, /store\.position/);
    t.deepEqual((await collect(store.changes({ after: kept }))).map(brief), [["set", "a", 2, 1]]);
    t.deepEqual(await collect(store.changes({ after: store.position })), []);
  },
);

test("a position whose logs were deleted is refused, one at the end of a deleted log is not", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("a", 1);
  const first = store.position;
  await store.set("a", 2);
  const last = store.position;
  const { activeOps } = store.getManifest();
  await store.compact();
  await store.set("a", 3);
  await rm(join(folder, activeOps));
  await t.throwsAsync(collect(store.changes({ after: first })), { code: "OPSLOG_POSITION_GONE" });
  t.deepEqual((await collect(store.changes({ after: last }))).map(brief), [["set", "a", 3, 2]]);
});

everywhere(
  "live changes() give own writes, go on through checkpoints, and tell what is undone",
  async (t) => {
    const { store } = await openOurs(t, manual);
    await store.set("a", 1);
    const changes = store.changes({ live: true });
    const [first] = await take(changes, 1);
    t.is(first.value, 1);
    const next = changes.next();
    await store.set("a", 2);
    const second = (await next).value;
    t.is(second.value, 2);
    await store.undo();
    const [undone] = await take(changes, 1);
    t.deepEqual(undone, { type: "undone", position: second.position, after: first.position, id: "a" });
    await store.compact();
    await store.set("a", 3);
    t.deepEqual((await take(changes, 1)).map(brief), [["set", "a", 3, 1]]);
    await changes.return();
    t.deepEqual(await changes.next(), { done: true, value: undefined });
  },
);

everywhere("live changes() end when the store is closed, once everything was given", async (t) => {
  const { store } = await openOurs(t, manual);
  const found = collect(store.changes({ live: true }));
  for (let n = 0; n < 100; n++) await store.set("a", n);
  await store.close();
  t.deepEqual(
    (await found).map(({ value }) => value),
    Array.from({ length: 100 }, (_, n) => n),
  );
});

everywhere("an aborted signal ends changes() with its reason, also while it waits", async (t) => {
  const { store } = await openOurs(t, manual);
  const controller = new AbortController();
  const waiting = store.changes({ live: true, signal: controller.signal }).next();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason), 20);
  t.is(await t.throwsAsync(waiting), reason);
  t.is(await t.throwsAsync(store.changes({ signal: controller.signal }).next()), reason);
});

everywhere("calls of next() that are not awaited give the changes in order", async (t) => {
  const { store } = await openOurs(t, manual);
  for (let n = 0; n < 5; n++) await store.set(`id${n}`, n);
  const changes = store.changes();
  const steps = await Promise.all(Array.from({ length: 7 }, () => changes.next()));
  t.deepEqual(
    steps.map(({ done, value }) => (done ? null : value.value)),
    [0, 1, 2, 3, 4, null, null],
  );
});

everywhere(
  "changes() in group mode gives what was buffered, and what a batch that was called before it writes",
  async (t) => {
    const { store } = await openOurs(t, { ...manual, writeMode: "group", groupCommitMs: 60_000 });
    await store.set("a", 1);
    store.batch(() => {
      store.set("b", 2);
      store.set("c", 3);
    });
    t.deepEqual(idsOf(await collect(store.changes())), ["a", "b", "c"]);
  },
);

test("a reader, and a store under skipLoad, read the same history as the writer", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  for (let n = 0; n < 10; n++) {
    await store.set("a", { n });
    if (n === 4) await store.compact();
  }
  const all = await collect(store.changes());
  const { store: reader } = await openOurs(t, { folder, readOnly: true });
  t.deepEqual(await collect(reader.changes()), all);
  t.is(reader.position, store.position);
  await store.set("b", 1);
  t.deepEqual(idsOf(await collect(reader.changes({ after: reader.position }))), ["b"]);
  await store.close();
  const { store: unloaded } = await openOurs(t, { folder, skipLoad: true });
  t.deepEqual((await collect(unloaded.changes())).slice(0, 10), all);
});

test("changes() of agents come in their total order, each once, with agent and clock", async (t) => {
  const { store: first, folder } = await openOurs(t, { ...manual, agentId: "first" });
  const second = await openAgent(t, folder, "second");
  const live = first.changes({ live: true });
  for (let n = 0; n < 12; n++) {
    const store = n % 2 === 0 ? first : second;
    await store.refresh();
    await store.set(`id${n}`, { n });
    if (n === 5) await store.compact();
  }
  const all = await collect(second.changes());
  t.deepEqual(
    all.map(({ id, agent }) => [id, agent]),
    Array.from({ length: 12 }, (_, n) => [`id${n}`, n % 2 === 0 ? "first" : "second"]),
  );
  t.true(all.every(({ clock }, place) => place === 0 || clock > all[place - 1].clock));
  for (const [place, { position }] of all.entries()) {
    t.deepEqual(await collect(first.changes({ after: position })), all.slice(place + 1));
  }
  t.deepEqual(idsOf(await take(live, 12)).sort(), idsOf(all).sort());
  await first.refresh();
  t.deepEqual(await collect(first.changes({ after: first.position })), []);
  await second.undo();
  t.deepEqual(
    (await take(live, 1)).map(({ type, id }) => [type, id]),
    [["undone", "id11"]],
  );
  await live.return();
});

test("changes() begins with the logs of 0.8.1", async (t) => {
  const { store: original, folder } = await openReference(t, { checkpointThreshold: 4 });
  for (let n = 0; n < 10; n++) await original.set(`id${n}`, { n });
  await original.close();
  const { store } = await openOurs(t, { folder, ...manual });
  await store.set("last", { n: 10 });
  await store.compact();
  await store.set("id0", { n: 11 });
  t.deepEqual(
    (await collect(store.changes())).map(({ value }) => value.n),
    Array.from({ length: 12 }, (_, n) => n),
  );
});

test("a live reader in another process is told at once, and comes back with its position after a kill", async (t) => {
  const { store: reader, folder } = await openOurs(t, manual);
  await reader.set("own", 0);
  await reader.close();
  const writer = await openInProcess(t, folder, manual);
  await reader.open(folder, { readOnly: true });
  const changes = reader.changes({ live: true, after: reader.position });
  const waiting = changes.next();
  await writer.call("set", "other", { n: 1 });
  t.is((await waiting).value.id, "other");
  await writer.kill();
  const again = await openInProcess(t, folder, manual);
  await again.call("set", "again", { n: 2 });
  t.is((await changes.next()).value.id, "again");
  await changes.return();
});

everywhere(
  "wrong options of changes() reject with OPSLOG_INVALID_ARGUMENT, a closed store with OPSLOG_NOT_OPEN",
  async (t) => {
    const { store } = await openOurs(t);
    const wrong = [
      { after: "2026-01-01" },
      { after: 1 },
      { since: "never" },
      { since: new Date(Number.NaN) },
      { until: 5 },
      { id: 1 },
      { limit: -1 },
      { reverse: "yes" },
      { live: true, reverse: true },
      { live: true, until: new Date() },
      { signal: {} },
      5,
    ];
    for (const options of wrong) {
      await t.throwsAsync(store.changes(options).next(), { code: "OPSLOG_INVALID_ARGUMENT" });
    }
    t.deepEqual(await collect(store.changes({ limit: 0 })), []);
    await store.close();
    await t.throwsAsync(store.changes().next(), { code: "OPSLOG_NOT_OPEN" });
    t.throws(() => store.position, { code: "OPSLOG_NOT_OPEN" });
  },
);

everywhere(
  "changes() with null for the id rejects with OPSLOG_INVALID_ARGUMENT instead of giving all records",
  async (t) => {
    const { store } = await openOurs(t);
    await store.set("a", { n: 1 });
    await t.throwsAsync(store.changes({ id: null }).next(), {
      instanceOf: TypeError,
      code: "OPSLOG_INVALID_ARGUMENT",
      message: "option id must be a string, got null",
    });
    t.deepEqual(idsOf(await collect(store.changes({ id: undefined }))), ["a"]);
  },
);

test("changes() of a store in memory give its operations across checkpoints, live too, and tell what is undone", async (t) => {
  const store = new Store();
  await store.open(":memory:", { checkpointThreshold: 4 });
  await store.set("id0", { n: 0 });
  const live = store.changes({ live: true });
  const waiting = live.next();
  for (let n = 1; n < 10; n++) await store.set(`id${n % 3}`, { n });
  await store.compact();
  await store.set("id0", { n: 10 });
  const all = await collect(store.changes());
  t.deepEqual(
    all.map(({ value, before }) => [value.n, before?.n]),
    Array.from({ length: 11 }, (_, n) => [n, n < 3 ? undefined : n === 10 ? 9 : n - 3]),
  );
  t.is(store.position, all.at(-1).position);
  t.deepEqual(await collect(store.changes({ after: all[6].position, id: "id0" })), [all[9], all[10]]);
  t.deepEqual(await collect(store.changes({ reverse: true, limit: 2 })), [all[10], all[9]]);
  t.deepEqual([(await waiting).value, ...(await take(live, 10))], all);
  await store.undo();
  const [undone] = await take(live, 1);
  t.like(undone, { type: "undone", position: all[10].position, id: "id0" });
  t.deepEqual(await collect(store.changes({ after: undone.after })), []);
  await t.throwsAsync(collect(store.changes({ after: all[10].position })), { code: "OPSLOG_POSITION_GONE" });
  const rest = collect(live);
  await store.set("id1", { n: 11 });
  await store.close();
  t.deepEqual(
    (await rest).map(({ value }) => value.n),
    [11],
  );
});

for (const writeMode of ["group", "async"]) {
  test(`changes() of a store in memory in ${writeMode} mode gives buffered operations once, and no other is gone after undo() of one`, async (t) => {
    const store = new Store();
    await store.open(":memory:", { writeMode, groupCommitMs: 1_000_000 });
    t.teardown(() => store.close());
    await store.set("a", { n: 1 });
    t.deepEqual(idsOf(await collect(store.changes())), ["a"]);
    await store.set("b", { n: 2 });
    t.deepEqual(idsOf(await collect(store.changes())), ["a", "b"]);
    await store.set("c", { n: 3 });
    t.true(await store.undo());
    await store.flush();
    t.deepEqual(idsOf(await collect(store.changes())), ["a", "b"]);
    t.true(await store.undo());
    t.deepEqual(idsOf(await collect(store.changes())), ["a"]);
  });
}

test("changes() of a store in memory, first asked for while changes and a batch are under way, gives those once", async (t) => {
  const store = new Store();
  await store.open(":memory:");
  t.teardown(() => store.close());
  const begin = store.position;
  const changing = store.set("a", { n: 1 });
  t.is(store.position, begin);
  await changing;
  t.deepEqual(idsOf(await collect(store.changes())), ["a"]);
  const other = new Store();
  await other.open(":memory:");
  t.teardown(() => other.close());
  const empty = other.position;
  await other.batch(() => {
    other.set("a", { n: 1 });
    t.is(other.position, empty);
    other.set("b", { n: 2 });
  });
  t.deepEqual(idsOf(await collect(other.changes())), ["a", "b"]);
});

test("changes() and at(), agents came and went behind an undone operation that a checkpoint had carried on, do not bring it back", async (t) => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const { store, folder } = await openOurs(t, manual);
    await store.set("a", { n: 1 });
    const [log] = await readdir(join(folder, "ops"));
    const compacting = store.compact();
    await store.set("b", { n: 1 });
    const isInBoth = (await readFile(join(folder, "ops", log), "utf8")).includes('"b"');
    await compacting;
    await store.undo();
    const { position } = store;
    await store.close();
    // Only what came while the checkpoint was written stands in both logs.
    if (!isInBoth || (await readdir(join(folder, "ops"))).length < 2) continue;
    await store.open(folder, { ...manual, agentId: "one" });
    await store.set("c", { n: 1 });
    await store.close();
    await store.open(folder, manual);
    await store.set("d", { n: 1 });
    t.deepEqual(idsOf(await collect(store.changes())), ["a", "c", "d"]);
    t.deepEqual(idsOf(await collect(store.changes({ reverse: true }))), ["d", "c", "a"]);
    t.deepEqual(idsOf(await collect(store.changes({ after: position }))), ["c", "d"]);
    t.deepEqual([...(await store.at(position)).keys()], ["a"]);
    return;
  }
  t.fail("no operation came while a checkpoint was written");
});

test("changes({ id }) among agents reads sealed logs by their indexes, and gives the positions that a reader of all operations is given", async (t) => {
  const { store, folder } = await openOurs(t, { ...manual, agentId: "a" });
  const agents = [store, await openAgent(t, folder, "b"), await openAgent(t, folder, "c")];
  for (let n = 0; n < 360; n++) {
    const agent = agents[(n * 7) % 3];
    if (n % 5 === 0) await agent.refresh();
    const value = { n, text: "x".repeat(400) };
    if (n % 40 === 3)
      await agent.batch(() => {
        agent.set("wanted", value);
        agent.set("other", value);
      });
    else await agent.set(n % 29 === 0 ? "wanted" : `id${n % 11}`, value);
    if (n % 150 === 149) await agents[n % 2].compact();
  }
  const indexes = (await readdir(join(folder, "index"))).filter((name) => name.endsWith(".ids"));
  t.is(indexes.length, 6);
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  t.teardown(() => reader.close());
  const all = await collect(reader.changes());
  const wanted = all.filter(({ id }) => id === "wanted");
  t.true(wanted.length > 15);
  for (const one of [reader, store]) {
    t.deepEqual(await collect(one.changes({ id: "wanted" })), wanted);
    t.deepEqual((await collect(one.changes({ id: "wanted", reverse: true }))).reverse(), wanted);
  }
  for (const [place, { position }] of wanted.entries()) {
    const at = all.findIndex((change) => change.position === position);
    const rest = await collect(reader.changes({ after: position }));
    t.deepEqual(idsOf(rest), idsOf(all.slice(at + 1)));
    const later = await collect(reader.changes({ after: position, id: "wanted" }));
    t.deepEqual(later, wanted.slice(place + 1));
  }
});

test("changes(), two programs that work under one agentId have given operations one clock, gives all", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openAgent(t, folder, "one");
  await store.set("a", 1);
  const { activeAgentOps } = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  for (const id of ["b", "c"]) {
    const foreign = {
      ts: new Date().toISOString(),
      op: "set",
      id,
      prev: null,
      data: 2,
      agent: "one",
      clock: 2,
    };
    await appendFile(join(folder, activeAgentOps.one), `${JSON.stringify(foreign)}\n`);
  }
  await store.tail();
  await store.set("d", 3);
  t.deepEqual(idsOf(store.getOps()), ["a", "b", "c", "d"]);
  t.deepEqual(idsOf(await collect(store.changes())), ["a", "b", "c", "d"]);
  t.deepEqual(idsOf(await collect(store.changes({ reverse: true }))), ["d", "c", "b", "a"]);
  const [first] = await collect(store.changes({ limit: 1 }));
  t.deepEqual(idsOf(await collect(store.changes({ after: first.position }))), ["b", "c", "d"]);
});

for (const isSeen of [true, false])
  test(`a feed of agents that goes on from a position names an undone operation by its own position, not by that of one which ${isSeen ? "had seen it" : "came late"}`, async (t) => {
    const folder = await temporaryFolder(t);
    const [one, two] = [await openAgent(t, folder, "one", manual), await openAgent(t, folder, "two", manual)];
    await one.set("before", { n: 0 });
    // The logs that a compaction begins have one time.
    await one.compact();
    await two.refresh();
    const reader = new Store();
    await reader.open(folder, { readOnly: true });
    await one.set("x", { n: 1 });
    const first = await collect(reader.changes());
    if (isSeen) await two.refresh();
    const { position: after } = first.at(-1);
    const feeds = [reader.changes({ after, live: true })];
    await two.set("y", { n: 2 });
    const [y] = await take(feeds[0], 1);
    if (isSeen) {
      feeds.push(reader.changes({ after: y.position, live: true }));
      // It has begun, or its position would be gone.
      await two.set("z", { n: 3 });
      await take(feeds[1], 1);
    }
    t.true(await one.undo());
    for (const feed of feeds) {
      let change;
      do change = (await feed.next()).value;
      while (change.type !== "undone");
      t.is(change.id, "x");
      t.not(change.position, y.position);
      if (isSeen) t.is(change.position, first.at(-1).position);
      await feed.return();
    }
    await reader.close();
  });
