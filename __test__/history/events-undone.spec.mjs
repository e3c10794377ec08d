/** A listener goes on from what its store shows when it is added: it is told of all that others undo and write since. */
import test from "ava";
import { Store } from "../../index.mjs";
import { manual, openAgent } from "../helpers/agents.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { until } from "../helpers/until.mjs";

const ROUNDS = 25;
const brief = (changes) => changes.map(({ type, id }) => [type, id]);

/** Warnings that operations may not have been told, from now on. */
function listenToWarnings(t) {
  const warnings = [];
  const note = (warning) => warning.code === "OPSLOG_EVENTS_FAILED" && warnings.push(warning.message);
  process.on("warning", note);
  t.teardown(() => process.off("warning", note));
  return warnings;
}

const idsIn = (store) => store.entries().map(([id]) => id);

/** What the other store does behind the look of the one that listens: called at once, or done before the listener is added. */
const undos = {
  "undo() of another store right behind on()": { isSeen: true, undo: (store) => store.undo() },
  "undo() of a batch of another store right behind on()": {
    isSeen: true,
    batch: 5,
    undo: (store) => store.undo({ batch: true }),
  },
  "undo() of another store that the records do not show yet": {
    isSeen: false,
    undo: (store) => store.undo(),
  },
  "undo() of a batch of another store that the records do not show yet": {
    isSeen: false,
    batch: 5,
    undo: (store) => store.undo({ batch: true }),
  },
};

/** Stores on one place: one that listens, and another one that writes. */
const pairs = {
  "an agent that tails": async (t) => {
    const folder = await temporaryFolder(t);
    const [listener, writer] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "two")];
    return { writer, listener: () => listener, look: () => listener.tail() };
  },
  "an agent that opens anew": async (t) => {
    const folder = await temporaryFolder(t);
    let listener = await openAgent(t, folder, "one");
    const writer = await openAgent(t, folder, "two");
    const look = async () => {
      await listener.close();
      listener = await openAgent(t, folder, "one");
    };
    return { writer, listener: () => listener, look };
  },
  "a reader of agents": async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openAgent(t, folder, "two");
    const reader = await open(t, folder, { readOnly: true });
    return { writer, listener: () => reader, look: () => reader.tail() };
  },
  "a reader that tails": async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await open(t, folder, manual);
    const reader = await open(t, folder, { readOnly: true });
    return { writer, listener: () => reader, look: () => reader.tail() };
  },
  "a reader that opens anew": async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await open(t, folder, manual);
    let reader = await open(t, folder, { readOnly: true });
    const look = async () => {
      await reader.close();
      reader = await open(t, folder, { readOnly: true });
    };
    return { writer, listener: () => reader, look };
  },
};

async function open(t, folder, options) {
  const store = new Store();
  await store.open(folder, options);
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

for (const [who, pair] of Object.entries(pairs)) {
  for (const [what, { isSeen, batch, undo }] of Object.entries(undos)) {
    test.serial(`${what} is told, and what comes then, each once: ${who}`, async (t) => {
      const warnings = listenToWarnings(t);
      const { writer, listener, look } = await pair(t);
      await writer.set("first", 0);
      for (let round = 0; round < ROUNDS; round++) {
        const ids = Array.from({ length: batch ?? 1 }, (_, n) => `undone ${round} ${n}`);
        await (batch === undefined
          ? writer.set(ids[0], round)
          : writer.batch(() => ids.forEach((id) => writer.set(id, round))));
        await look();
        t.true(listener().has(ids.at(-1)));
        // As long as the one that is undone, so that its line stands in the same place.
        const next = ids.map((id) => id.replace("undone", "stayed"));
        const behind = () => Promise.all([undo(writer), ...next.map((id) => writer.set(id, round))]);
        if (!isSeen) await behind();
        const told = [];
        const hear = (changes) => told.push(...changes);
        listener().on("change", hear);
        t.true(listener().has(ids.at(-1)));
        if (isSeen) await behind();
        await until(() => told.length >= 2 * ids.length);
        t.deepEqual(brief(told), [
          ...ids.toReversed().map((id) => ["undone", id]),
          ...next.map((id) => ["set", id]),
        ]);
        listener().off("change", hear);
      }
      t.deepEqual(warnings, []);
    });
  }
}

/** A generator of numbers below a bound. */
function random(seed) {
  return (below) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
}

/** The ids that a listener knows of: those that the store had, and what it was told since. */
function replicaOf(store) {
  const replica = new Set(idsIn(store));
  const faults = [];
  store.on("change", (changes) => {
    for (const { type, id } of changes) {
      const isNew = type === "set";
      if (replica.has(id) === isNew) faults.push(`${type} ${id}`);
      if (isNew) replica.add(id);
      else replica.delete(id);
    }
  });
  return { replica, faults };
}

/** Two or three stores write, undo, look, compact and open anew, in any order. What listeners know is what the store has at the end. */
async function live(openStore, kinds, next) {
  const trace = [];
  const stores = [];
  const replicas = [];
  const listenTo = (at) => replicas.push({ at, store: stores[at], ...replicaOf(stores[at]) });
  for (const at of kinds.keys()) stores[at] = await openStore(kinds[at]);
  const waiting = [];
  for (let step = 0; step < 25; step++) {
    const at = next(kinds.length);
    const store = stores[at];
    const isWriter = !kinds[at].readOnly;
    const what = [
      "set",
      "set",
      "set",
      "undo",
      "undo",
      "batch",
      "undoBatch",
      "on",
      "on",
      "tail",
      "compact",
      "reopen",
    ][next(12)];
    if (!isWriter && !["on", "tail", "reopen"].includes(what)) continue;
    const isAwaited = next(2) === 0;
    trace.push(`${what} ${at}${isAwaited ? "" : "~"}`);
    const go = (promise) => (isAwaited ? promise : void waiting.push(promise));
    if (what === "set") await go(store.set(`s${step}`, step));
    else if (what === "undo") await go(store.undo());
    else if (what === "undoBatch") await go(store.undo({ batch: true }));
    else if (what === "tail") await go(store.tail());
    else if (what === "compact") await go(store.compact());
    else if (what === "on") listenTo(at);
    else if (what === "batch") {
      const batch = () => [1, 2, 3].forEach((n) => store.set(`b${step} ${n}`, n));
      await go(store.batch(batch));
    } else {
      await Promise.all(waiting.splice(0));
      await store.close();
      stores[at] = await openStore(kinds[at]);
    }
  }
  await Promise.all(waiting);
  const alive = replicas.filter(({ at, store }) => stores[at] === store);
  for (const store of stores) await store.close();
  const fresh = await openStore({ readOnly: true });
  const expected = idsIn(fresh).sort();
  await fresh.close();
  return { trace, expected, alive };
}

const agents = ["one", "two", "three"].map((agentId) => ({ ...manual, agentId }));
const reader = { readOnly: true };
const lives = {
  agents,
  "agents and their reader": [...agents.slice(0, 2), reader],
  "a single writer and its readers": [manual, reader, reader],
};

for (const [who, kinds] of Object.entries(lives)) {
  test.serial(
    `what a store showed at on(), with what the listener was told since, is what it has: ${who}`,
    async (t) => {
      t.timeout(240_000);
      const warnings = listenToWarnings(t);
      for (let seed = 1; seed <= 40; seed++) {
        const folder = await temporaryFolder(t);
        const openStore = async (options) => {
          const store = new Store();
          await store.open(folder, options);
          return store;
        };
        const { trace, expected, alive } = await live(openStore, kinds, random(seed));
        const life = `${seed}: ${trace.join(", ")}`;
        for (const { replica, faults } of alive) {
          t.deepEqual(faults, [], life);
          t.deepEqual([...replica].sort(), expected, life);
        }
        t.deepEqual(warnings, [], life);
      }
    },
  );
}
