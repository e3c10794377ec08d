/** at() and revert(): the store as it was, and back to it. What every earlier state holds is tried in tests/store_behaviour/past.rs. */

import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";

import { Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { readManifest, temporaryFolder } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { guessedTimes, isoTimes, noTimes } from "../helpers/times.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A time that lies between what was done before and what comes. */
async function between() {
  await pause(3);
  const time = new Date();
  await pause(3);
  return time;
}

async function opened(t, options, folder = undefined) {
  const dir = folder ?? (await temporaryFolder(t));
  const store = new Store();
  await store.open(dir, options);
  t.teardown(() => store.close().catch(() => {}));
  return { store, dir };
}

for (const [title, options] of [
  ["a single writer", {}],
  ["an agent", { agentId: "one" }],
  ["group mode", { writeMode: "group" }],
  ["durability always", { durability: "always" }],
]) {
  test(`at() of ${title}, through checkpoints and a restart, shows the records of a time`, async (t) => {
    const { store, dir } = await opened(t, options);
    await store.set("kept", { n: 1 });
    await store.set("changed", { n: 1 });
    await store.set("deleted", { n: 1 });
    const time = await between();
    await store.set("changed", { n: 2 });
    await store.delete("deleted");
    await store.set("new", { n: 3 });
    const expected = [
      ["kept", { n: 1 }],
      ["changed", { n: 1 }],
      ["deleted", { n: 1 }],
    ];
    const check = async (store) => {
      for (const when of [time, time.toISOString()]) {
        const view = await store.at(when);
        t.deepEqual(view.entries(), expected);
        t.is(view.count(), 3);
        t.is(
          view.count(({ n }) => n === 2),
          0,
        );
        t.deepEqual(view.all(), [{ n: 1 }, { n: 1 }, { n: 1 }]);
        t.deepEqual([...view.keys()], ["kept", "changed", "deleted"]);
        t.deepEqual(
          view.filter((value, id) => id === "changed"),
          [{ n: 1 }],
        );
        t.deepEqual(view.get("deleted"), { n: 1 });
        t.is(view.get("new"), undefined);
        t.false(view.has("new"));
        t.is(view.get(1), undefined);
        view.close();
      }
      t.deepEqual((await store.at(new Date())).entries(), store.entries());
      t.is((await store.at(new Date(0))).count(), 0);
    };
    await check(store);
    await store.compact();
    await store.set("later", { n: 4 });
    await check(store);
    await store.close();
    const { store: again } = await opened(t, options, dir);
    await check(again);
    const { store: reader } = await opened(t, { readOnly: true }, dir);
    await check(reader);
  });
}

/** What all calls that read several records return. */
async function answers(records) {
  const scanned = async (options) => {
    const pairs = [];
    for await (const pair of records.scan(options)) pairs.push(pair);
    return pairs;
  };
  return {
    findOne: await records.findOne({ n: { $gt: 1 } }, { sort: { n: -1 }, fields: ["n"] }),
    none: await records.findOne({ n: -1 }),
    countWhere: await records.countWhere({ tags: /^x/ }),
    found: (await records.explain({ tags: "x1" })).found,
    getMany: records.getMany(["id3", "missing", "id12", 1]),
    // In a view a record that was deleted since comes behind the others.
    values: [...records.values()].map((value) => JSON.stringify(value)).sort(),
    pairs: [...records].map(([id, value]) => [id, JSON.stringify(value)].join(" ")).sort(),
    scan: await scanned(),
    bounded: await scanned({ prefix: "id1", gt: "id10", lte: "id18", reverse: true, limit: 4 }),
    aborted: await scanned({ signal: AbortSignal.abort("enough") }).catch((reason) => reason),
    refused: await scanned({ gt: "a", gte: "b" }).catch(({ code }) => code),
  };
}

for (const [title, options] of [
  ["a folder", () => ({ indexes: { n: {}, tags: {} } })],
  ["a folder of agents", () => ({ agentId: "one" })],
  ["a backend", () => ({ backend: memoryBackend(memoryBucket(), { turn: null }) })],
  ["a folder with a reviver", () => ({ reviver: (key, value) => (key === "n" ? { of: value } : value) })],
]) {
  for (const records of [30, 6000]) {
    test(`a view of ${title} with ${records} records answers each call as the store did, whatever was written since`, async (t) => {
      const { store, dir } = await opened(t, options());
      const fill = (change) =>
        store.batch(() => {
          for (let n = 0; n < records; n++) store.set(`id${n}`, change(n));
        });
      await fill((n) => ({ n: (7 * n) % records, tags: [`x${n % 3}`] }));
      await store.compact();
      await store.set("id3", { n: 0.5, tags: [] });
      const [place, expected] = [store.position, await answers(store)];
      await fill(() => ({ n: -1, tags: ["x0", "x1"] }));
      await store.delete("id12");
      await store.set("id1111111", { n: 5, tags: ["x1"] });
      await store.compact();
      const view = await store.at(place);
      t.deepEqual(await answers(view), expected);
      t.deepEqual((await view.explain({ n: 1 })).indexes, []);

      const { agentId: _, backend, ...others } = options();
      if (backend === undefined) {
        const { store: reader } = await opened(t, { ...others, readOnly: true }, dir);
        t.deepEqual(await answers(await reader.at(place)), expected);
      }

      const begun = view.scan({ gte: "id5" });
      const [, first] = (await begun.next()).value;
      t.deepEqual(first, view.get("id5"));
      view.close();
      for (const call of [
        () => view.findOne({}),
        () => view.countWhere({}),
        () => view.explain({}),
        () => view.scan().next(),
      ])
        await t.throwsAsync(call, { code: "OPSLOG_NOT_OPEN" });
      for (const call of [() => view.getMany([]), () => view.values(), () => view[Symbol.iterator]()])
        t.throws(call, { code: "OPSLOG_NOT_OPEN" });
      await t.throwsAsync(() => begun.next(), { code: "OPSLOG_NOT_OPEN" });
    });
  }
}

everywhere("find() of a view finds what the records were, whatever index the store has", async (t) => {
  const { store } = await opened(t, { indexes: { n: {} } });
  for (let n = 0; n < 30; n++) await store.set(`id${n}`, { n: n % 3, m: n });
  const time = await between();
  await store.transaction((tx) => {
    for (let n = 0; n < 30; n++) tx.set(`id${n}`, { n: 7 });
  });
  const view = await store.at(time);
  t.is((await view.find({ n: 1 })).length, 10);
  t.deepEqual(await view.find({ n: 7 }), []);
  t.deepEqual(await view.find({ m: { $gt: 26 } }, { sort: { m: -1 }, limit: 2 }), [
    { n: 2, m: 29 },
    { n: 1, m: 28 },
  ]);
  t.deepEqual(await view.findIds({ m: { $gt: 26 } }, { sort: { m: -1 }, limit: 2 }), ["id29", "id28"]);
  t.is((await store.find({ n: 7 })).length, 30);
  await t.throwsAsync(view.find(1), { code: "OPSLOG_INVALID_ARGUMENT" });
  view.close();
  await t.throwsAsync(view.find({}), { code: "OPSLOG_NOT_OPEN" });
  await t.throwsAsync(view.findIds({}), { code: "OPSLOG_NOT_OPEN" });
});

everywhere("a view does not change with the store, and undo() takes nothing from it", async (t) => {
  const { store } = await opened(t, {});
  await store.set("a", { n: 1 });
  const view = await store.at(new Date());
  await store.set("a", { n: 2 });
  t.deepEqual(view.get("a"), { n: 1 });
  await store.undo();
  await store.undo();
  t.is(store.count(), 0);
  t.deepEqual(view.entries(), [["a", { n: 1 }]]);
  t.is((await store.at(new Date())).count(), 0);
});

everywhere(
  "revert() leaves a record that is nested 3,000 levels deep and is the same again, and restores the others",
  async (t) => {
    const { store } = await openOurs(t);
    const deep = () => ({ deep: JSON.parse("[".repeat(3000) + "]".repeat(3000)) });
    await store.set("deep", deep());
    await store.set("a", 1);
    const to = store.position;
    await store.set("deep", deep());
    await store.set("a", 2);
    t.is(await store.revert({ to }), 1);
    t.is(store.get("a"), 1);
    t.is(JSON.stringify(store.get("deep")), JSON.stringify(deep()));
  },
);

everywhere("at(), records were archived since, shows them with the values that they had", async (t) => {
  for (const options of [{}, { agentId: "one" }]) {
    const { store } = await opened(t, options);
    await store.set("a", { n: 1, old: true });
    await store.set("b", { n: 1 });
    const first = await between();
    await store.set("a", { n: 2, old: true });
    const second = await between();
    await store.set("b", { n: 2 });
    await store.archive(({ old }) => old, "2026-Q1");
    await store.set("a", { n: 9 });
    t.deepEqual((await store.at(first)).get("a"), { n: 1, old: true });
    t.deepEqual((await store.at(second)).get("a"), { n: 2, old: true });
    t.deepEqual((await store.at(second)).count(), 2);
    t.deepEqual((await store.at(new Date())).get("a"), { n: 9 });
  }
});

test("at(), a record was archived twice into one segment and its first operation was pruned, rejects instead of showing the later value", async (t) => {
  const { store } = await opened(t, {});
  await store.set("a", { n: 1 });
  await store.compact();
  const pruned = await between();
  await store.set("b", { n: 1 });
  const time = await between();
  await store.set("b", { n: 2 });
  await store.archive((_, id) => id === "a", "s");
  await store.set("a", { n: 2 });
  const later = await between();
  await store.set("b", { n: 3 });
  await store.archive((_, id) => id === "a", "s");
  const view = await store.at(time);
  t.deepEqual(view.get("a"), { n: 1 });
  view.close();
  t.true((await store.prune({ before: pruned })).files > 0);
  await t.throwsAsync(store.at(time), { code: "OPSLOG_POSITION_GONE" });
  const then = await store.at(later);
  t.deepEqual(then.get("a"), { n: 2 });
  then.close();
});

everywhere(
  "at(), prune() took all up to an archive, shows at no place before it the store without the archived records",
  async (t) => {
    for (const options of [{}, { agentId: "one" }])
      for (const isEmpty of [false, true]) {
        const { store } = await opened(t, { ...options, checkpointThreshold: Infinity });
        await store.set("a", { n: 1 });
        await store.set("b", { n: 2 });
        if (isEmpty) await store.compact();
        const { position } = store;
        const time = await between();
        await store.archive((_, id) => id === "a", "s");
        const { position: behind } = store;
        const later = await between();
        await store.prune();
        const gone = (error) => (error.code === "OPSLOG_POSITION_GONE" ? "gone" : t.fail(String(error)));
        const shown = async (when) => store.at(when).then((view) => [...view.keys()].sort().join(), gone);
        for (const when of [position, time]) t.regex(await shown(when), /^(gone|a,b)$/);
        t.is(await shown(behind), "b");
        t.is(await shown(later), "b");
        await store.set("c", { n: 3 });
        await store.compact();
        for (const when of [position, time]) t.regex(await shown(when), /^(gone|a,b)$/);
        await store.prune();
        for (const when of [position, time]) t.is(await shown(when), "gone");
        await store.close();
      }
  },
);

test("at(), prune() of a folder took all up to an archive, shows at the place before it the archived records", async (t) => {
  const { store } = await opened(t, {});
  await store.set("a", { n: 1 });
  await store.set("b", { n: 2 });
  const { position } = store;
  const time = await between();
  await store.archive((_, id) => id === "a", "s");
  t.true((await store.prune()).files > 0);
  for (const when of [position, time]) {
    const view = await store.at(when);
    t.deepEqual(view.get("a"), { n: 1 });
    view.close();
  }
});

test("at(), a record was archived before and came back later, shows none in between", async (t) => {
  for (const options of [{}, { agentId: "one" }]) {
    const { store, dir } = await opened(t, options);
    await store.set("a", { n: 1, old: true });
    await store.archive(({ old }) => old, "2026-Q1");
    await store.set("b", { n: 1 });
    const time = await between();
    await store.set("a", { n: 2 });
    await store.set("a", { n: 3 });
    t.deepEqual((await store.at(time)).entries(), [["b", { n: 1 }]]);
    await store.compact();
    const { store: reader } = await opened(t, { readOnly: true }, dir);
    t.deepEqual((await reader.at(time)).entries(), [["b", { n: 1 }]]);
  }
});

everywhere("revert() brings the records back in one batch, which is history itself", async (t) => {
  const { store } = await opened(t, {});
  await store.set("a", { n: 1 });
  await store.set("b", { n: 1 });
  const time = await between();
  await store.set("a", { n: 2 });
  await store.delete("b");
  await store.set("c", { n: 3 });
  const later = await between();
  await store.compact();
  t.is(await store.revert({ to: time, ids: ["b", "missing"] }), 1);
  t.deepEqual(Object.fromEntries(store.entries()), { a: { n: 2 }, c: { n: 3 }, b: { n: 1 } });
  t.is(await store.revert({ to: time }), 2);
  t.deepEqual(store.entries(), [
    ["a", { n: 1 }],
    ["b", { n: 1 }],
  ]);
  t.is(await store.revert({ to: time }), 0);
  t.deepEqual(Object.fromEntries((await store.at(later)).entries()), { a: { n: 2 }, c: { n: 3 } });
  await store.revert({ to: later });
  t.deepEqual(Object.fromEntries(store.entries()), { a: { n: 2 }, c: { n: 3 } });
});

test("revert() of an agent takes over what another one wrote, and loses none of it", async (t) => {
  const { store: one, dir } = await opened(t, { agentId: "one" });
  const { store: two } = await opened(t, { agentId: "two" }, dir);
  await one.set("a", { n: 1 });
  const time = await between();
  await two.set("a", { n: 2 });
  await two.set("b", { n: 2 });
  t.is(await one.revert({ to: time }), 2);
  await two.refresh();
  t.deepEqual(two.entries(), [["a", { n: 1 }]]);
});

everywhere(
  "at() and revert(), the place is none, reject with OPSLOG_INVALID_ARGUMENT and change nothing",
  async (t) => {
    const { store } = await opened(t, {});
    await store.set("a", { n: 1 });
    for (const place of [undefined, null, 0, 1e12, "", "yesterday", "p", new Date(NaN), {}, "2026-13-01"]) {
      await t.throwsAsync(store.at(place), { code: "OPSLOG_INVALID_ARGUMENT" });
      await t.throwsAsync(store.revert({ to: place }), { code: "OPSLOG_INVALID_ARGUMENT" });
    }
    for (const options of [
      undefined,
      null,
      "x",
      { to: new Date(), ids: "a" },
      { to: new Date(), ids: [""] },
    ]) {
      await t.throwsAsync(store.revert(options), { code: "OPSLOG_INVALID_ARGUMENT" });
    }
    t.deepEqual(store.entries(), [["a", { n: 1 }]]);
  },
);

everywhere(
  "at(), revert() and changes() take the texts of times by one rule, and refuse days and times that do not exist",
  async (t) => {
    const { store } = await opened(t, {});
    await store.set("a", { n: 1 });
    for (const text of [...guessedTimes, ...noTimes]) {
      const error = { instanceOf: RangeError, code: "OPSLOG_INVALID_ARGUMENT" };
      await t.throwsAsync(store.at(text), error, text);
      await t.throwsAsync(store.revert({ to: text }), error, text);
      for (const name of ["since", "until"]) {
        const message = `option ${name} must be a time such as "2026-01-31T12:00:00.000Z", got ${JSON.stringify(text)}`;
        await t.throwsAsync(store.changes({ [name]: text }).next(), { ...error, message });
      }
    }
    for (const [text] of isoTimes) {
      (await store.at(text)).close();
      await store.changes({ since: text }).next();
      await store.changes({ until: text }).next();
    }
    t.deepEqual(store.entries(), [["a", { n: 1 }]]);
  },
);

test("changes() by the text of a time, gives what is given for its Date", async (t) => {
  const { store, dir } = await opened(t, { checkpointOnClose: false });
  await store.close();
  const log = join(dir, (await readManifest(dir)).activeOps);
  const times = isoTimes.flatMap(([, iso]) => [Date.parse(iso) - 1, Date.parse(iso), Date.parse(iso) + 1]);
  const lines = [...new Set(times)]
    .filter((ms) => ms >= Date.parse("0000-01-01"))
    .sort((one, other) => one - other)
    .map((ms) => ({ ts: new Date(ms).toISOString(), op: "set", id: `at${ms}`, data: {}, prev: null }));
  await appendFile(log, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const { store: again } = await opened(t, {}, dir);
  const timesOf = async (wanted) => {
    const found = [];
    for await (const { ts } of again.changes(wanted)) found.push(ts);
    return found;
  };
  for (const [text, iso] of isoTimes) {
    const expected = lines.map(({ ts }) => ts).filter((ts) => Date.parse(ts) <= Date.parse(iso));
    t.deepEqual(await timesOf({ until: text }), expected, text);
    t.deepEqual(await timesOf({ since: text }), await timesOf({ since: new Date(iso) }), text);
  }
});

everywhere(
  "revert() with null for the ids rejects with OPSLOG_INVALID_ARGUMENT instead of reverting all records",
  async (t) => {
    const { store } = await opened(t, {});
    const to = store.position;
    await store.set("a", { n: 1 });
    await t.throwsAsync(store.revert({ to, ids: null }), {
      instanceOf: TypeError,
      code: "OPSLOG_INVALID_ARGUMENT",
      message: "option ids must be a list of ids, got null",
    });
    t.deepEqual(store.entries(), [["a", { n: 1 }]]);
    t.is(await store.revert({ to, ids: undefined }), 1);
  },
);

everywhere("a view, it or its store was closed, throws OPSLOG_NOT_OPEN", async (t) => {
  const { store } = await opened(t, {});
  await store.set("a", { n: 1 });
  const closed = await store.at(new Date());
  closed.close();
  closed.close();
  const left = await store.at(new Date());
  await store.close();
  for (const view of [closed, left]) {
    t.throws(() => view.get("a"), { code: "OPSLOG_NOT_OPEN" });
    t.throws(() => view.count(), { code: "OPSLOG_NOT_OPEN" });
  }
});

everywhere("at(), where no earlier state can be had, says so", async (t) => {
  const { store: blind } = await opened(t, { skipLoad: true });
  await t.throwsAsync(blind.at(new Date()), { code: "OPSLOG_SKIP_LOAD" });
  await t.throwsAsync(blind.revert({ to: new Date() }), { code: "OPSLOG_SKIP_LOAD" });
});

test("at(), revert() and changes() refuse a position of a store of another kind, and say so", async (t) => {
  const { store } = await opened(t, {});
  const { store: inMemory } = await opened(t, {}, ":memory:");
  const { store: behind } = await opened(t, { backend: memoryBackend(memoryBucket()) });
  await store.set("a", { n: 1 });
  await inMemory.set("a", { n: 1 });
  for (const [of, place, sentence] of [
    [store, inMemory.position, /is one of a store behind a backend or in memory, or of none$/],
    [inMemory, store.position, /is one of a store in a folder, or of none$/],
    [behind, store.position, /is one of a store in a folder, or of none$/],
    [store, behind.position, /is one of a store behind a backend or in memory, or of none$/],
    [store, "p0", /or of none$/],
    [store, "p9x", /or of none$/],
  ]) {
    const refused = { code: "OPSLOG_INVALID_ARGUMENT", message: sentence };
    await t.throwsAsync(of.at(place), refused);
    await t.throwsAsync(of.revert({ to: place }), refused);
    await t.throwsAsync(of.changes({ after: place }).next(), { code: "OPSLOG_INVALID_ARGUMENT" });
  }
});

test("at() of a store in memory finds each state across checkpoints, and refuses the history that it no longer keeps", async (t) => {
  const { store } = await opened(t, { checkpointThreshold: 3, retain: { checkpoints: 2 } }, ":memory:");
  const states = [];
  for (let n = 0; n < 20; n++) {
    await store.set(`id${n % 4}`, { n });
    if (n % 6 === 5) await store.delete(`id${(n + 2) % 4}`);
    if (n % 7 === 6) await store.archive((record) => record.n === n - 1, "past");
    states.push({ position: store.position, entries: store.entries().sort() });
  }
  let refused = 0;
  for (const { position, entries } of states) {
    const view = await store.at(position).catch(({ code }) => code);
    if (view === "OPSLOG_POSITION_GONE") refused++;
    else t.deepEqual(view.entries().sort(), entries);
  }
  t.true(refused > 5 && refused < 18, `${refused} of ${states.length}`);
  await store.revert({ to: states.at(-3).position });
  t.deepEqual(store.entries().sort(), states.at(-3).entries);
});

test("at(), revert() and changes() refuse a position of another folder, also one without an operation, and say so", async (t) => {
  const { store: other } = await opened(t, { agentId: "other" });
  const places = [other.position, "p9"];
  await other.set("a", { n: 1 });
  places.push(other.position);
  await other.compact();
  for (const options of [{}, { agentId: "one" }]) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { store } = await opened(t, options);
    const empty = store.position;
    await store.set("a", { n: 1 });
    await store.compact();
    for (const after of places) {
      const refused = { code: "OPSLOG_POSITION_GONE", message: /it is the position of another store/ };
      await t.throwsAsync(store.at(after), refused, after);
      await t.throwsAsync(store.revert({ to: after }), refused, after);
      await t.throwsAsync(store.changes({ after }).next(), refused, after);
    }
    t.is((await store.at(empty)).count(), 0);
  }
});

test("at() among agents shows records whose first operations were pruned just after the store was created", async (t) => {
  const { store } = await opened(t, { agentId: "a" });
  await store.set("x", { n: 1 });
  await store.compact();
  await store.set("y", { n: 2 });
  const { position } = store;
  await store.set("x", { n: 3 });
  t.true((await store.prune()).files > 0);
  const view = await store.at(position);
  t.deepEqual(view.entries(), [
    ["x", { n: 1 }],
    ["y", { n: 2 }],
  ]);
});

for (const agentId of [undefined, "one"]) {
  const whose = agentId === undefined ? "a single writer" : "an agent";
  test(`at() of ${whose}, across migrations, shows values of the program's version, and revert() writes no other`, async (t) => {
    const folder = await temporaryFolder(t);
    const at = (version) => ({
      agentId,
      version,
      migrate: (value, from) => ({ name: value.name, version, path: `${value.path ?? ""}${from}>` }),
    });
    const states = [];
    for (const version of [1, 2, 4]) {
      const { store } = await opened(t, at(version), folder);
      for (const name of ["x", "y"]) {
        await store.set("a", { name: `${name}${version}`, version });
        await store.set(`only${name}${version}`, { name, version });
        states.push([store.position, store.entries().map(([id, { name }]) => [id, name])]);
        if (name === "x") await store.compact();
        await store.delete(`only${name}${version}`);
      }
      await store.close();
    }
    const { store } = await opened(t, at(4), folder);
    const reader = (await opened(t, { ...at(4), agentId: undefined, readOnly: true }, folder)).store;
    for (const [position, names] of states) {
      for (const one of [store, reader]) {
        const view = await one.at(position);
        t.deepEqual(
          view.entries().map(([id, { name, version }]) => [id, name, version]),
          names.map(([id, name]) => [id, name, 4]),
        );
        t.is((await view.find({ version: { $ne: 4 } })).length, 0);
        view.close();
      }
    }
    for (const [position, names] of states) {
      await store.revert({ to: position });
      t.deepEqual(
        store.entries().map(([id, { name, version }]) => [id, name, version]),
        names.map(([id, name]) => [id, name, 4]),
      );
    }
    const plain = (await opened(t, { readOnly: true }, folder)).store;
    t.true(plain.all().every(({ version }) => version === 4));
    const first = await store.at(states[0][0]);
    t.is(first.get("a").path, "1>");
  });
}

test("at(), migrate throws for a value that only the history has, rejects with what it threw", async (t) => {
  const folder = await temporaryFolder(t);
  const { store } = await opened(t, {}, folder);
  await store.set("a", { n: 1 });
  const { position } = store;
  await store.set("a", { n: 2 });
  await store.close();
  const migrate = (value) => {
    if (value.n === 1) throw new Error("no such value");
    return value;
  };
  await store.open(folder, { version: 2, migrate });
  await t.throwsAsync(store.at(position), { message: "no such value" });
  await t.throwsAsync(store.revert({ to: position }), { message: "no such value" });
  t.deepEqual(store.get("a"), { n: 2 });
});

for (const [carrier, options] of [
  ["a single writer", () => ({})],
  ["an agent", () => ({ agentId: "one" })],
  [
    "a single writer through a backend",
    () => ({ backend: memoryBackend(memoryBucket(), { deletes: true }) }),
  ],
  [
    "an agent through a bucket",
    () => ({ backend: memoryBackend(memoryBucket(), { conditional: true }), agentId: "one" }),
  ],
]) {
  for (const how of ["an archive", "a checkpoint and an archive", "an archive, a write and an archive"])
    test(`at() and revert() of ${carrier}, ${how} came directly behind the place, bring the records back`, async (t) => {
      const { store } = await opened(t, options());
      await store.set("kept", { n: 1 });
      await store.set("a", { n: 1 });
      await store.set("b", { n: 2 });
      const everything = Object.fromEntries(store.entries());
      const { position } = store;
      const time = await between();
      if (how.includes("checkpoint")) await store.compact();
      await store.archive((_, id) => id === "a", "s");
      if (how.includes("write")) await store.set("later", { n: 3 });
      if (how.includes("write")) await store.archive((_, id) => id !== "kept", "s");
      const now = Object.fromEntries(store.entries());
      const behind = store.position;
      const later = await between();
      for (const [when, expected] of [
        [position, everything],
        [time, everything],
        [behind, now],
        [later, now],
      ]) {
        const view = await store.at(when);
        t.deepEqual(Object.fromEntries(view.entries()), expected);
        t.is(view.count(), Object.keys(expected).length);
        view.close();
      }
      await store.set("kept", { n: 9 });
      // Agents have no transactions behind a backend, and so no revert().
      if (carrier.includes("bucket")) {
        await t.throwsAsync(store.revert({ to: time }), { code: "OPSLOG_UNSUPPORTED" });
        return;
      }
      for (const [when, expected] of [
        [behind, now],
        [later, now],
        [time, everything],
        [position, everything],
      ]) {
        await store.revert({ to: when });
        t.deepEqual(Object.fromEntries(store.entries()), expected);
      }
    });
}
