/** tail() and watch() through a backend: each operation of others is told once, whatever came upon it first. */
import v8 from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { gate, memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

class Folder extends FsBackend {}

/** Places that stores share: where, and a maker of backends that reach it. */
const places = {
  "through a backend": async () => {
    const bucket = memoryBucket();
    return { bucket, where: "bucket", backend: () => memoryBackend(bucket) };
  },
  "through a backend with conditional writes": async () => {
    const bucket = memoryBucket();
    return { bucket, where: "bucket", backend: () => memoryBackend(bucket, { conditional: true }) };
  },
  "through a subclass of FsBackend": async (t) => {
    const where = await temporaryFolder(t);
    return { where, backend: () => new Folder() };
  },
};

async function openAt(t, place, options) {
  const { where, backend } = place;
  const store = new Store();
  const made = backend();
  await store.open(where, { ...manual, backend: made, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return Object.assign(store, { made });
}

const told = (operations) => operations.map(({ op, id }) => `${op} ${id}`);

/** What an agent may do before it looks for the first time; each comes upon what the other wrote. */
const deeds = {
  "set()": (store) => store.set("own", { n: 1 }),
  "batch()": (store) => store.batch(() => ["own", "more"].forEach((id) => store.set(id, { n: 1 }))),
  "set() and undo()": async (store) => {
    await store.set("own", { n: 1 });
    await store.undo();
  },
  "compact()": (store) => store.compact(),
  "compact() twice": async (store) => {
    await store.compact();
    await store.set("own", { n: 1 });
    await store.compact();
  },
  "archive()": (store) => store.archive((_, id) => id === "before", "past"),
};

for (const [where, makePlace] of Object.entries(places)) {
  for (const [name, deed] of Object.entries(deeds)) {
    test(`tail() of an agent ${where} tells once what its own ${name} came upon before`, async (t) => {
      const place = await makePlace(t);
      const other = await openAt(t, place, { agentId: "other" });
      await other.set("before", { n: 1 });
      const agent = await openAt(t, place, { agentId: "agent" });
      await other.set("x", { n: 1 });
      await other.set("x", { n: 2 });
      await deed(agent);
      await other.delete("x");
      await deed(agent);
      t.deepEqual(told(await agent.tail()), ["set x", "set x", "delete x"]);
      t.deepEqual(told(await agent.tail()), []);
      await other.set("y", { n: 1 });
      await deed(agent);
      t.deepEqual(told(await agent.tail()), ["set y"]);
      t.deepEqual(told(await agent.tail()), []);
    });
  }

  test(`watch() of an agent ${where} tells once what came before its first look`, async (t) => {
    const place = await makePlace(t);
    const other = await openAt(t, place, { agentId: "other" });
    const agent = await openAt(t, place, { agentId: "agent" });
    await other.set("x", { n: 1 });
    await agent.set("own", { n: 1 });
    await agent.compact();
    await other.set("y", { n: 1 });
    const seen = [];
    await new Promise((resolve) => {
      agent.watch((operations) => {
        seen.push(...told(operations));
        if (seen.includes("set z")) resolve();
      }, 5);
      other.set("z", { n: 1 });
    });
    agent.unwatch();
    t.deepEqual(seen, ["set x", "set y", "set z"]);
    await other.set("last", { n: 1 });
    t.deepEqual(told(await agent.tail()), ["set last"]);
  });

  for (const readOnly of [false, true]) {
    const who = readOnly ? "a reader" : "an agent";

    test(`tail() of ${who} ${where} with skipLoad tells each operation of others once`, async (t) => {
      const place = await makePlace(t);
      const other = await openAt(t, place, { agentId: "other" });
      for (const id of ["before", "archived"]) await other.set(id, { n: 1 });
      const mode = readOnly ? { readOnly } : { agentId: "agent" };
      const store = await openAt(t, place, { ...mode, skipLoad: true });
      t.deepEqual(told(await store.tail()), ["set before", "set archived"]);
      t.deepEqual(told(await store.tail()), []);
      await other.set("a", { n: 1 });
      t.deepEqual(told(await store.tail()), ["set a"]);
      await other.set("undone", { n: 1 });
      t.true(await other.undo());
      await other.set("b", { n: 1 });
      t.deepEqual(told(await store.tail()), ["set b"]);
      await other.archive((_, id) => id === "archived", "past");
      await other.set("c", { n: 1 });
      await other.compact();
      await other.delete("a");
      t.deepEqual(told(await store.tail()), ["set c", "delete a"]);
      t.deepEqual(told(await store.tail()), []);
      t.deepEqual(store.get("c"), { n: 1 });
      if (readOnly) return;
      await store.set("own", { n: 1 });
      await other.set("d", { n: 1 });
      t.deepEqual(told(await store.tail()), ["set d"]);
      t.true(await store.undo());
      t.deepEqual([store.has("own"), store.has("d")], [false, true]);
    });
  }

  test(`tail() of a single writer's reader ${where} tells each operation once across checkpoints`, async (t) => {
    const place = await makePlace(t);
    const writer = await openAt(t, place, {});
    await writer.set("a", { n: 1 });
    const reader = await openAt(t, place, { readOnly: true });
    const seen = [];
    for (let n = 0; n < 8; n++) {
      await writer.set("b", { n });
      if (n % 3 === 1) await writer.compact();
      await writer.set("c", { n });
      if (n % 2 === 1) seen.push(...(await reader.tail()));
    }
    t.deepEqual(
      seen.map(({ id, data }) => `${id}${data.n}`),
      [0, 1, 2, 3, 4, 5, 6, 7].flatMap((n) => [`b${n}`, `c${n}`]),
    );
    t.deepEqual(reader.entries(), writer.entries());
  });

  for (const isLate of [false, true]) {
    const when = isLate ? "after the snapshot of it is made" : "in a sealed log, ahead of the snapshot of it";

    test(`tail() ${where} tells an operation once that it first saw ${when}`, async (t) => {
      const place = await makePlace(t);
      const one = await openAt(t, place, { agentId: "one" });
      const two = await openAt(t, place, { agentId: "two" });
      const reader = await openAt(t, place, { readOnly: true });
      await one.set("a", { n: 1 });
      const snapshot = heldUp(one.made, "writeSnapshot");
      const compacted = one.compact();
      await snapshot.reached;
      if (!isLate) {
        t.deepEqual(told(await reader.tail()), ["set a"]);
        t.deepEqual(told(await two.tail()), ["set a"]);
      }
      await two.set("b", { n: 1 });
      snapshot.goOn();
      await compacted;
      t.deepEqual(told(await reader.tail()), isLate ? ["set a", "set b"] : ["set b"]);
      t.deepEqual(told(await two.tail()), isLate ? ["set a"] : []);
      t.deepEqual(told(await one.tail()), ["set b"]);
      for (const store of [one, two, reader]) t.deepEqual(told(await store.tail()), []);
    });
  }
}

/** The next call of a method waits until it may go on. */
function heldUp(backend, method) {
  const { promise: reached, resolve: reach } = withResolvers();
  const { promise: free, resolve: goOn } = withResolvers();
  const usual = backend[method];
  backend[method] = async (...args) => {
    backend[method] = usual;
    reach();
    await free;
    return usual.apply(backend, args);
  };
  return { reached, goOn };
}

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

v8.setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

test.serial("an agent that looked once keeps no operations of others, however many come", async (t) => {
  const bucket = memoryBucket();
  const place = { where: "bucket", backend: () => memoryBackend(bucket, { turn: null }) };
  const other = await openAt(t, place, { agentId: "other" });
  const agent = await openAt(t, place, { agentId: "agent" });
  await agent.tail();
  agent.watch(() => {}, 1);
  agent.unwatch();
  const text = "x".repeat(20_000);
  const round = async (n) => {
    for (let m = 0; m < 25; m++) await other.set(`record ${m}`, { n, text });
    await agent.set("own", { n });
    await agent.compact();
    await other.refresh();
    // What no manifest names any more is not what is measured.
    const { retired, ...inForce } = bucket.manifest;
    const named = new Set(JSON.stringify(inForce).match(/(?:log|snapshot)[-\w]*-\d+/g));
    for (const path of bucket.files.keys()) if (!named.has(path)) bucket.files.delete(path);
  };
  // NOTE: V8's heap first grows to the size that it keeps, which takes up to 150 MB with Node 24.
  for (let n = 0; n < 200; n++) await round(n);
  collectGarbage();
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 400; n++) await round(n);
  collectGarbage();
  // 200 MB of operations have come by.
  const grown = process.memoryUsage().rss - before;
  t.true(grown < 100 * 2 ** 20, `${grown} bytes`);
  t.is(agent.count(), 26);
});

test("an append that was refused is told to no follower, though its line is in a log that went into a snapshot", async (t) => {
  const bucket = memoryBucket();
  const place = { where: "bucket", backend: () => memoryBackend(bucket, { conditional: true }) };
  const old = await openAt(t, place, { agentId: "old", version: 1 });
  const reader = await openAt(t, place, { readOnly: true });
  await old.set("a", { n: 1 });
  const append = gate(old.made, "appendOps");
  const refused = old.set("b", { n: 1 });
  await append.reached;
  await openAt(t, place, { agentId: "new", version: 2, migrate: (record) => ({ ...record, v: 2 }) });
  append.open();
  await t.throwsAsync(refused, { code: "OPSLOG_NEWER_VERSION" });
  t.deepEqual(told(await reader.tail()), ["set a"]);
  t.deepEqual(reader.entries(), [["a", { n: 1, v: 2 }]]);
});

for (const [where, makePlace] of Object.entries(places)) {
  test(`getWalOps() and tail() of agents ${where}, the operations take more than is handed over at once, give each once and in order`, async (t) => {
    const place = await makePlace(t);
    const one = await openAt(t, place, { agentId: "one" });
    const two = await openAt(t, place, { agentId: "two" });
    const ids = Array.from({ length: 24 }, (_, n) => `id-${n}`);
    // One of them alone is longer than a piece.
    for (const [n, id] of ids.entries())
      await one.set(id, { n, text: "ü".repeat(n === 7 ? 700_000 : 60_000) });
    t.deepEqual(
      (await two.tail()).map(({ id, data }) => [id, data.n]),
      ids.map((id, n) => [id, n]),
    );
    t.deepEqual(await two.tail(), []);
    for (const store of [one, two]) {
      const found = [];
      for await (const { id, data } of store.getWalOps()) found.push([id, data.text.length]);
      t.deepEqual(
        found,
        ids.map((id, n) => [id, n === 7 ? 700_000 : 60_000]),
      );
      for await (const { id } of store.getWalOps()) {
        t.is(id, "id-0");
        break;
      }
    }
    await two.set("id-0", { n: 24 });
    t.deepEqual(
      (await one.tail()).map(({ id }) => id),
      ["id-0"],
    );
  });
}

/** What another store does to records `a` and `b`, and in which order they stand afterwards. */
const orders = {
  "a record is deleted and set again": [["-a", "+a"], "ba"],
  "one is set behind others that came meanwhile": [["-a", "+c", "+a"], "bca"],
  "one comes, goes, and comes behind another": [["+c", "-c", "+d", "+c"], "abdc"],
  "one is deleted and set again twice": [["-b", "+b", "-b", "+c", "+b"], "acb"],
};

for (const [where, makePlace] of Object.entries(places)) {
  for (const [what, [steps, expected]] of Object.entries(orders)) {
    for (const as of [{ readOnly: true }, { agentId: "two" }]) {
      test(`entries() of ${as.agentId ? "an agent" : "a reader"} that had them before have the order of the writer's, ${what} in one look, ${where}`, async (t) => {
        const place = await makePlace(t);
        const writer = await openAt(t, place, as.agentId && { agentId: "one" });
        for (const id of "ab") await writer.set(id, { id });
        const follower = await openAt(t, place, as);
        t.is(follower.entries().length, 2);
        for (const [sign, id] of steps) await (sign === "+" ? writer.set(id, { id }) : writer.delete(id));
        await follower.tail();
        const idsOf = (store) => store.entries().map(([id]) => id);
        t.is(idsOf(writer).join(""), expected);
        t.deepEqual(idsOf(follower), idsOf(writer));
        t.deepEqual([...follower.keys()], idsOf(writer));
      });
    }
  }
}

test("open(), the snapshot is superseded and deleted while it is looked for, loads the one that came in its place", async (t) => {
  const bucket = memoryBucket();
  const options = { deletes: true, conditional: true };
  const writer = new Store();
  await writer.open("x", { backend: memoryBackend(bucket, options), ...manual });
  await writer.set("a", { n: 1 });
  await writer.compact();
  const backend = memoryBackend(bucket, options);
  let times = 0;
  backend.before = async (method, path) => {
    if (method !== "loadSnapshot" || ++times > 2) return;
    await writer.set("b", { n: times });
    await writer.compact();
    bucket.files.delete(path);
  };
  const reader = new Store();
  await reader.open("x", { backend, readOnly: true });
  t.is(times, 3);
  t.deepEqual(reader.entries(), [
    ["a", { n: 1 }],
    ["b", { n: 2 }],
  ]);
  await reader.close();
  // One that is gone from a store that no other writer changes is damage.
  const [snapshot] = [...bucket.files.keys()].filter((path) => path === bucket.manifest.currentSnapshot);
  bucket.files.delete(snapshot);
  const late = new Store();
  await t.throwsAsync(late.open("x", { backend: memoryBackend(bucket, options), readOnly: true }), {
    code: "OPSLOG_CORRUPT",
  });
  await writer.close();
});
