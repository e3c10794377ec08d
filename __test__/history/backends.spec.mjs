/** The history of stores behind backends: the same program on a folder is the oracle. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { until } from "../helpers/until.mjs";

class Subclass extends FsBackend {}

const manual = { checkpointThreshold: 1e9, checkpointOnClose: false };

/** Ways to keep a store behind a backend: each returns a function that makes the options of one more store of it. */
const kinds = {
  "a subclass of FsBackend": async (t) => {
    const folder = await temporaryFolder(t);
    return { folder, options: () => ({ backend: new Subclass() }) };
  },
  "a backend in memory": () => {
    const bucket = memoryBucket();
    return {
      folder: "x",
      options: () => ({ backend: memoryBackend(bucket, { deletes: true, turn: null }) }),
    };
  },
  "a backend with conditions": () => {
    const bucket = memoryBucket();
    const more = { conditional: true, deletes: true };
    return { folder: "x", options: () => ({ backend: memoryBackend(bucket, { ...more, turn: null }) }) };
  },
};

async function openAt(t, { folder, options }, more = {}) {
  const store = new Store();
  await store.open(folder, { ...manual, ...options(), ...more });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

async function listOf(changes) {
  const list = [];
  for await (const change of changes) list.push(change);
  return list;
}

const brief = ({ type, id, value, before }) => [type, id, value, before];
const gone = { code: "OPSLOG_POSITION_GONE" };

/** A program of a single writer, with the positions that it saw. */
async function work(store) {
  const positions = [store.position];
  const step = async (run) => {
    await run();
    positions.push(store.position);
  };
  await step(() => store.set("a", { n: 1, text: "long enough to make a delta pay off" }));
  await step(() => store.set("a", { n: 2, text: "long enough to make a delta pay off" }));
  await step(() =>
    store.batch(() => {
      store.set("b", { n: 1 });
      store.set("c", { n: 1 });
      store.delete("a");
    }),
  );
  await step(() => store.compact());
  await step(() => store.set("d", { n: 1 }));
  await step(() => store.archive(({ n }, id) => id === "b" && n === 1, "old"));
  await step(() => store.set("b", { n: 2 }));
  await step(() => store.compact());
  await step(() => store.set("e", { n: 1 }));
  await store.set("f", { n: 1 });
  await store.undo();
  await step(() => store.set("c", { n: 2 }));
  return positions;
}

for (const [kind, kept] of Object.entries(kinds)) {
  test(`changes(), at() and revert() give what they give in a folder: ${kind}`, async (t) => {
    const place = await kept(t);
    const [store, oracle] = [
      await openAt(t, place),
      await openAt(t, { folder: await temporaryFolder(t), options: () => ({}) }),
    ];
    const [positions, expected] = [await work(store), await work(oracle)];
    const [all, wanted] = [await listOf(store.changes()), await listOf(oracle.changes())];
    t.deepEqual(all.map(brief), wanted.map(brief));
    t.deepEqual(
      all.map(({ batch }) => all.findIndex(({ position }) => position === batch)),
      wanted.map(({ batch }) => wanted.findIndex(({ position }) => position === batch)),
    );
    t.deepEqual((await listOf(store.changes({ reverse: true }))).reverse(), all);
    t.deepEqual(
      await listOf(store.changes({ id: "a" })),
      all.filter(({ id }) => id === "a"),
    );
    t.deepEqual(await listOf(store.changes({ limit: 2 })), all.slice(0, 2));
    for (const [at, position] of positions.entries()) {
      const after = (of, position) => listOf(of.changes({ after: position }));
      t.deepEqual(
        (await after(store, position)).map(brief),
        (await after(oracle, expected[at])).map(brief),
        `${at}`,
      );
      const [view, wantedView] = [await store.at(position), await oracle.at(expected[at])];
      // Around an archive places differ: in a folder there is none between the archive and the operation before it.
      if (at === 5) t.deepEqual([...view.keys()].sort(), ["b", "c", "d"]);
      else if (at === 6) t.deepEqual([...view.keys()].sort(), ["c", "d"]);
      else
        t.deepEqual(Object.fromEntries(view.entries()), Object.fromEntries(wantedView.entries()), `at ${at}`);
      t.is(view.count(), [...view.keys()].length);
      view.close();
      wantedView.close();
    }
    for (const { position, ts } of all) {
      t.deepEqual(
        (await listOf(store.changes({ after: position }))).map(brief),
        all.slice(all.findIndex((one) => one.position === position) + 1).map(brief),
      );
      t.truthy(await store.at(new Date(ts)));
    }
    t.is(await store.revert({ to: positions[3] }), await oracle.revert({ to: expected[3] }));
    t.deepEqual(new Map(store.entries()), new Map(oracle.entries()));
    const reader = await openAt(t, place, { readOnly: true });
    t.deepEqual(await listOf(reader.changes()), await listOf(store.changes()));
    t.is(reader.position, store.position);
    await store.close();
    // What a store tells does not depend on whether it made it.
    const again = await openAt(t, place);
    t.deepEqual((await listOf(again.changes())).slice(0, all.length), all);
  });

  test(`a live feed goes on through checkpoints and undos, of this store and of another: ${kind}`, async (t) => {
    const place = await kept(t);
    const store = await openAt(t, place);
    await store.set("a", { n: 1 });
    const reader = await openAt(t, place, { readOnly: true });
    const told = [];
    const follow = async (of) => {
      const own = [];
      told.push(own);
      for await (const change of of.changes({ after: store.position, live: true }))
        own.push([change.type, change.id]);
    };
    const following = [follow(store), follow(reader)];
    await delay(50);
    await store.set("b", { n: 1 });
    await until(() => told.every((own) => own.length === 1));
    await store.undo();
    await until(() => told.every((own) => own.length === 2));
    await store.set("c", { n: 1 });
    await store.compact();
    await store.batch(() => {
      store.set("d", { n: 1 });
      store.set("e", { n: 1 });
    });
    await until(() => told.every((own) => own.length === 5));
    t.true(await store.undo({ batch: true }));
    await until(() => told.every((own) => own.length === 7));
    const wanted = ["set b", "undone b", "set c", "set d", "set e", "undone e", "undone d"];
    for (const own of told)
      t.deepEqual(
        own.map((pair) => pair.join(" ")),
        wanted,
      );
    await reader.close();
    await store.close();
    await Promise.all(following);
  });

  test(`listeners are told of others' undos: ${kind}`, async (t) => {
    const place = await kept(t);
    const [one, two] = [
      await openAt(t, place, { agentId: "one" }),
      await openAt(t, place, { agentId: "two" }),
    ];
    const reader = await openAt(t, place, { readOnly: true });
    const told = [two, reader].map((store) => {
      const own = [];
      store.on("change", (changes) => own.push(...changes.map(({ type, id }) => `${type} ${id}`)));
      return own;
    });
    await one.set("a", { n: 1 });
    await until(() => told.every((own) => own.length === 1));
    t.true(await one.undo());
    await until(() => told.every((own) => own.length === 2));
    await one.set("b", { n: 1 });
    await until(() => told.every((own) => own.length === 3));
    for (const own of told) t.deepEqual(own, ["set a", "undone a", "set b"]);
  });

  test(`undo({ batch: true }) takes the last batch back as a whole, also after a reopening: ${kind}`, async (t) => {
    const place = await kept(t);
    for (const agentId of [undefined, "one"]) {
      let store = await openAt(t, place, { agentId });
      await store.set(`kept ${agentId}`, { n: 1 });
      const write = () =>
        store.batch(() => {
          store.set("x", { n: 1 });
          store.set("y", { n: 1 });
          store.set("kept", { n: 2 });
        });
      await write();
      t.true(await store.undo({ batch: true }));
      t.deepEqual([store.has("x"), store.has("y"), store.has("kept")], [false, false, false]);
      await write();
      t.true(await store.undo());
      t.deepEqual([store.has("x"), store.has("y"), store.has("kept")], [true, true, false]);
      await store.set("z", { n: 1 });
      t.true(await store.undo({ batch: true }), "an operation of no batch");
      t.true(store.has("y"));
      await store.close();
      store = await openAt(t, place, { agentId });
      t.true(await store.undo({ batch: true }), "what is left of the batch");
      t.deepEqual([store.has("x"), store.has("y"), store.has(`kept ${agentId}`)], [false, false, true]);
      const left = (await listOf(store.changes())).map(({ id }) => id);
      t.false(left.includes("x") || left.includes("y"));
      await store.compact();
      await store.close();
    }
  });

  test(`a position that was undone, pruned, or is another store's is gone: ${kind}`, async (t) => {
    const place = await kept(t);
    const store = await openAt(t, place);
    await store.set("a", { n: 1 });
    const first = store.position;
    await store.set("b", { n: 1 });
    const undone = store.position;
    await store.undo();
    await t.throwsAsync(store.changes({ after: undone }).next(), gone);
    await t.throwsAsync(store.at(undone), gone);
    await store.set("b", { n: 2 });
    await t.throwsAsync(store.changes({ after: undone }).next(), gone);
    await store.compact();
    await store.set("c", { n: 1 });
    t.is((await listOf(store.changes({ after: first }))).length, 2);
    const early = new Date((await listOf(store.changes()))[0].ts);
    const dry = await store.prune({ dryRun: true });
    t.is(dry.files, 1);
    t.true((await store.prune()).files >= 1);
    await t.throwsAsync(store.changes({ after: first }).next(), gone);
    await t.throwsAsync(store.at(first), gone);
    await t.throwsAsync(store.at(new Date(early.getTime() - 1000)), gone);
    await t.throwsAsync(store.changes({ since: new Date(early.getTime() - 1000) }).next(), gone);
    t.deepEqual(
      (await listOf(store.changes())).map(({ id }) => id),
      ["c"],
    );
    t.deepEqual(await store.prune(), { files: 0, bytes: 0 });
    const other = await openAt(t, await kept(t));
    await other.set("a", { n: 1 });
    await t.throwsAsync(store.changes({ after: other.position }).next(), gone);
    await store.close();
    const again = await openAt(t, place);
    t.is(again.count(), 3);
  });

  test(`a time before what was pruned stays gone once a stretch without operations is pruned as well: ${kind}`, async (t) => {
    const store = await openAt(t, await kept(t));
    await store.set("a", { n: 1 });
    const [{ ts }] = await listOf(store.changes());
    const early = new Date(Date.parse(ts) - 1000);
    await store.delete("a");
    await store.compact();
    await store.prune();
    await store.compact();
    t.true((await store.prune()).files > 0);
    await store.set("b", { n: 1 });
    await t.throwsAsync(store.at(early), gone);
    await t.throwsAsync(store.changes({ since: early }).next(), gone);
  });

  test(`retain deletes behind checkpoints what is beyond its limits: ${kind}`, async (t) => {
    const place = await kept(t);
    const store = await openAt(t, place, { retain: { checkpoints: 2 } });
    for (let n = 0; n < 6; n++) {
      await store.set("a", { n });
      await store.compact();
    }
    t.deepEqual(
      (await listOf(store.changes())).map(({ value }) => value.n),
      [4, 5],
    );
    const usage = await store.usage();
    t.is(usage.snapshot.files, 1);
    t.true(usage.log.files >= 1);
    const reader = await openAt(t, place, { readOnly: true });
    t.deepEqual(reader.get("a"), { n: 5 });
  });

  test(`at() of a record that was archived twice into one segment is gone once its first operation was pruned: ${kind}`, async (t) => {
    const store = await openAt(t, await kept(t));
    await store.set("a", { n: 1 });
    await store.compact();
    await delay(3);
    const pruned = new Date();
    await delay(3);
    await store.set("b", { n: 1 });
    const { position } = store;
    await store.set("b", { n: 2 });
    await store.archive((_, id) => id === "a", "s");
    await store.set("a", { n: 2 });
    await store.set("b", { n: 3 });
    await store.archive((_, id) => id === "a", "s");
    t.deepEqual((await store.at(position)).get("a"), { n: 1 });
    t.true((await store.prune({ before: pruned })).files > 0);
    await t.throwsAsync(store.at(position), gone);
  });

  test(`prune() behind a compaction that another agent has not seen brings back nothing of that agent's: ${kind}`, async (t) => {
    const place = await kept(t);
    const idle = await openAt(t, place, { agentId: "idle" });
    const other = await openAt(t, place, { agentId: "other" });
    await idle.set("deleted", { n: 1 });
    await idle.set("changed", { n: 1 });
    await other.refresh();
    await other.delete("deleted");
    await other.set("changed", { n: 2 });
    await other.compact();
    t.true((await other.prune()).files > 0);
    await idle.set("b", { n: 1 });

    const expected = [
      ["b", { n: 1 }],
      ["changed", { n: 2 }],
    ];
    const reader = await openAt(t, place, { readOnly: true });
    await other.refresh();
    await idle.refresh();
    for (const store of [reader, other, idle]) t.deepEqual(store.entries().sort(), expected);
  });

  test(`the history has no end after 300 checkpoints, and prune() deletes its notes as well: ${kind}`, async (t) => {
    const place = await kept(t);
    const store = await openAt(t, place);
    const positions = [];
    for (let n = 0; n < 300; n++) {
      await store.set("a", { n });
      positions.push(store.position);
      await store.compact();
    }
    await store.close();
    const again = await openAt(t, place, { readOnly: true });
    const all = await listOf(again.changes());
    t.deepEqual(
      all.map(({ value }) => value.n),
      Array.from({ length: 300 }, (_, n) => n),
    );
    t.deepEqual((await listOf(again.changes({ reverse: true }))).reverse(), all);
    t.is((await listOf(again.changes({ after: positions[9] }))).length, 290);
    const view = await again.at(positions[9]);
    t.deepEqual(view.get("a"), { n: 9 });
    await again.close();
    const writer = await openAt(t, place);
    await writer.prune({ keepBytes: 1000 });
    const left = await listOf(writer.changes());
    t.true(left.length > 1 && left.length < 50, `${left.length}`);
    t.is(left.at(-1).value.n, 299);
    await writer.prune();
    await writer.set("b", { n: 1 });
    await writer.compact();
    t.deepEqual(
      (await listOf(writer.changes())).map(({ id }) => id),
      ["b"],
    );
    if (kind !== "a subclass of FsBackend") return;
    t.deepEqual(await readdir(join(place.folder, "history")), []);
    t.true((await readFile(join(place.folder, "manifest.json"), "utf8")).length < 5000);
  });
}

test("a backend without the methods that delete refuses prune() and retain, and names the method", async (t) => {
  const options = () => ({ backend: memoryBackend(memoryBucket()) });
  const store = await openAt(t, { folder: "x", options });
  await t.throwsAsync(store.prune(), { code: "OPSLOG_UNSUPPORTED", message: /deleteOpsFile\(\)/ });
  await t.throwsAsync(store.usage(), { code: "OPSLOG_UNSUPPORTED", message: /listFiles\(\)/ });
  await t.throwsAsync(new Store().open("x", { ...options(), retain: { bytes: 1 } }), {
    code: "OPSLOG_UNSUPPORTED",
    message: /deleteOpsFile\(\)/,
  });
  // What stays open to undo() is deleted by no one.
  await openAt(t, { folder: "x", options }, { retain: { undo: 5 } });
});

test("getOps() and getHistory() lack an agent's undone operation behind which others' stand", async (t) => {
  for (const kept of Object.values(kinds)) {
    const place = await kept(t);
    const [one, two] = [
      await openAt(t, place, { agentId: "one" }),
      await openAt(t, place, { agentId: "two" }),
    ];
    await one.set("a", { n: 1 });
    await two.refresh();
    await two.set("b", { n: 1 });
    await one.refresh();
    const idsOf = () => one.getOps().map(({ id }) => id);
    t.deepEqual(idsOf(), ["a", "b"]);
    t.true(await one.undo());
    t.deepEqual(idsOf(), ["b"]);
    t.deepEqual(one.getHistory("a"), []);
  }
});

test("agents' operations come once and in the order of the state, whichever agent reads them", async (t) => {
  for (const kept of Object.values(kinds)) {
    const place = await kept(t);
    const agents = [];
    for (const agentId of ["one", "two", "three"]) agents.push(await openAt(t, place, { agentId }));
    let n = 0;
    for (let round = 0; round < 20; round++) {
      for (const agent of agents) await agent.set(`id${n % 5}`, { n: n++ });
      if (round % 6 === 5) await agents[round % 3].compact();
      if (round % 4 === 3) await agents[1].undo();
      for (const agent of agents) await agent.refresh();
    }
    const lists = await Promise.all(agents.map((agent) => listOf(agent.changes())));
    t.deepEqual(lists[0], lists[1]);
    t.deepEqual(lists[0], lists[2]);
    const replica = new Map();
    for (const { type, id, value } of lists[0]) type === "set" ? replica.set(id, value) : replica.delete(id);
    t.deepEqual(new Map([...replica].sort()), new Map(agents[0].entries().sort()));
    t.is(new Set(agents.map(({ position }) => position)).size, 1);
    for (const { position } of lists[0].slice(0, 30)) {
      const place = lists[0].findIndex((one) => one.position === position);
      const states = new Map();
      for (const { type, id, value } of lists[0].slice(0, place + 1))
        type === "set" ? states.set(id, value) : states.delete(id);
      const view = await agents[place % 3].at(position);
      t.deepEqual(new Map(view.entries().sort()), new Map([...states].sort()));
      view.close();
    }
  }
});
