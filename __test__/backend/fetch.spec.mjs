/** fetch(): single records of a store that has loaded none, by ranges of a snapshot and of its index. */
import test from "ava";
import { Store } from "../../index.mjs";
import { gate, memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { Random } from "../helpers/schema-versions.mjs";

const PAD = "x".repeat(2000);
/** From 1 MiB on a snapshot has an index: so many records have one. */
const MANY = 600;
const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };
const unloaded = { readOnly: true, skipLoad: true };
const idOf = (n) => `id-${n}`;
const valueOf = (n) => ({ n, pad: PAD });

function newBucket(options = {}) {
  const bucket = memoryBucket();
  const backend = (more = {}) => memoryBackend(bucket, { ranges: true, ...options, ...more });
  const open = async (storeOptions = {}, of = backend()) => {
    const store = new Store();
    await store.open("", { backend: of, ...manual, ...storeOptions });
    return store;
  };
  return { bucket, backend, open };
}

async function fill(store, count = MANY) {
  await store.batch(() => {
    for (let n = 0; n < count; n++) store.set(idOf(n), valueOf(n));
  });
  await store.compact();
}

/** A bucket with a snapshot that has an index, and a reader that has loaded nothing. */
async function filled(options) {
  const world = newBucket(options);
  const writer = await world.open();
  await fill(writer);
  const backend = world.backend();
  const reader = await world.open(unloaded, backend);
  backend.calls.length = 0;
  const snapshot = () => world.bucket.manifest.currentSnapshot;
  const index = () => `index/${snapshot().split("/").at(-1)}.idx`;
  return { ...world, writer, reader, calls: backend.calls, snapshot, index };
}

const rangesIn = (calls) => calls.filter((name) => name === "readBlobRange").length;

test("fetch() of a record in a snapshot reads a range of the index and one of the snapshot, and never all of it", async (t) => {
  const { reader, calls } = await filled();
  t.deepEqual(await reader.fetch(idOf(7)), valueOf(7));
  calls.length = 0;
  for (let n = 0; n < 50; n++) t.deepEqual(await reader.fetch(idOf(n)), valueOf(n));
  t.deepEqual([...new Set(calls)], ["readBlobRange"]);
  t.true(rangesIn(calls) <= 102);
  t.is(reader.get(idOf(7)), undefined);
});

test("a backend with writeBlobFrom() gets the index in pieces, and fetch() finds every record by it", async (t) => {
  const world = newBucket({ pieces: true });
  const backend = world.backend();
  const writer = await world.open({}, backend);
  // More than a piece of 64 KiB.
  const count = 5000;
  await writer.batch(() => {
    for (let n = 0; n < count; n++) writer.set(idOf(n), { n, pad: "x".repeat(200) });
  });
  backend.calls.length = 0;
  await writer.compact();
  t.deepEqual(
    backend.calls.filter((name) => name.startsWith("writeBlob")),
    ["writeBlobFrom"],
  );
  const reading = world.backend();
  const reader = await world.open(unloaded, reading);
  for (let n = 0; n < count; n++) t.is((await reader.fetch(idOf(n)))?.n, n);
  t.is(await reader.fetch(idOf(count)), undefined);
  t.false(reading.calls.includes("loadSnapshot"));
});

test("fetch() of ids that are not there, resolves to undefined without reading the snapshot as a whole", async (t) => {
  const { reader, calls } = await filled();
  for (const id of ["id-600", "", "__proto__", "\ud800", "x".repeat(100_000), 7, undefined, null, {}])
    t.is(await reader.fetch(id), undefined);
  t.false(calls.includes("loadSnapshot"));
});

test("fetch() of ids and values of every kind, gives what get() gives", async (t) => {
  const world = newBucket();
  const writer = await world.open();
  const values = [
    "",
    "text",
    0,
    -1.5,
    true,
    [],
    [1, [2]],
    {},
    { "\n": "\n" },
    JSON.parse('{"__proto__":{"a":1}}'),
  ];
  const ids = [" ", "\n", '"', "\\", "ä", "𝄞", "\ud800", "__proto__", "constructor", '{"id":"id-1"}'];
  const given = ids.map((id, n) => [id, values[n % values.length]]);
  for (const [id, value] of given) await writer.set(id, value);
  await fill(writer);
  const reader = await world.open(unloaded);
  const loaded = await world.open({ readOnly: true });
  for (const [id] of given) t.deepEqual(await reader.fetch(id), loaded.get(id), JSON.stringify(id));
  t.deepEqual(await loaded.fetch(idOf(3)), loaded.get(idOf(3)));
});

test("fetch() with a reviver, gives revived values, each time an object of its own", async (t) => {
  const world = newBucket();
  await fill(await world.open());
  const reader = await world.open({
    ...unloaded,
    reviver: (key, value) => (key === "n" ? BigInt(value) : value),
  });
  const found = await reader.fetch(idOf(9));
  t.deepEqual(found, { n: 9n, pad: PAD });
  found.n = 0n;
  t.deepEqual(await reader.fetch(idOf(9)), { n: 9n, pad: PAD });
});

test("fetch() shows operations behind the snapshot, and new ones after tail() and refresh()", async (t) => {
  const { writer, reader } = await filled();
  await writer.set(idOf(1), { n: "new" });
  await writer.delete(idOf(2));
  await writer.set("added", { n: 1 });
  t.deepEqual(await reader.fetch(idOf(1)), { n: "new" });
  t.is(await reader.fetch(idOf(2)), undefined);
  t.deepEqual(await reader.fetch("added"), { n: 1 });
  await writer.set("added", { n: 2 });
  t.deepEqual(await reader.fetch("added"), { n: 1 });
  await reader.tail();
  t.deepEqual(await reader.fetch("added"), { n: 2 });
  await writer.undo();
  await reader.refresh();
  t.deepEqual(await reader.fetch("added"), { n: 1 });
});

test("fetch() does not take operations from tail()", async (t) => {
  const { writer, reader } = await filled();
  await writer.set("a", { n: 1 });
  t.deepEqual(await reader.fetch("a"), { n: 1 });
  t.deepEqual(
    (await reader.tail()).map(({ id }) => id),
    ["a"],
  );
});

test("many fetch() calls at once, look once", async (t) => {
  const { reader, calls } = await filled();
  const found = await Promise.all(Array.from({ length: 100 }, (_, n) => reader.fetch(idOf(n))));
  t.deepEqual(
    found,
    Array.from({ length: 100 }, (_, n) => valueOf(n)),
  );
  t.is(calls.filter((name) => name === "readManifest").length, 1);
  t.is(calls.filter((name) => name === "readOps").length, 1);
  t.true(rangesIn(calls) <= 204);
});

test("fetch() of a snapshot without index, reads all of it once", async (t) => {
  for (const remove of [({ bucket, index }) => bucket.files.delete(index()), null]) {
    const world = remove === null ? newBucket() : await filled();
    if (remove === null) await fill(await world.open(), 10);
    else remove(world);
    const backend = world.backend();
    const reader = await world.open(unloaded, backend);
    for (let n = 0; n < 10; n++) t.deepEqual(await reader.fetch(idOf(n)), valueOf(n));
    t.is(await reader.fetch("none"), undefined);
    t.is(backend.calls.filter((name) => name === "loadSnapshot").length, 1);
  }
});

for (const [what, harm] of [
  ["cut in its header", (bytes) => bytes.subarray(0, 500)],
  ["cut behind its header", (bytes) => bytes.subarray(0, 1024)],
  ["cut in its pages", (bytes) => bytes.subarray(0, 1500)],
  ["of zeros", (bytes) => Buffer.alloc(bytes.length)],
  ["whose header has another bit", (bytes) => flipped(bytes, [20])],
  [
    "whose pages each have another bit",
    (bytes) =>
      flipped(
        bytes,
        pagesOf(bytes).map((at) => at + 100),
      ),
  ],
  [
    "whose pages are in another order",
    (bytes) => Buffer.concat([bytes.subarray(0, 1024), ...reversedPages(bytes)]),
  ],
  ["of another snapshot", (bytes, other) => other],
]) {
  test(`fetch() with an index ${what}, answers nothing wrong`, async (t) => {
    const { bucket, index, open } = await filled();
    const other = newBucket();
    const writer = await other.open();
    await writer.set("before", { n: 1 });
    await fill(writer);
    const otherIndex = `index/${other.bucket.manifest.currentSnapshot.split("/").at(-1)}.idx`;
    bucket.files.set(index(), harm(bucket.files.get(index()), other.bucket.files.get(otherIndex)));
    const reader = await open(unloaded);
    for (const n of [0, 1, 300, MANY - 1]) t.deepEqual(await reader.fetch(idOf(n)), valueOf(n));
    for (const id of ["before", "none", idOf(MANY)]) t.is(await reader.fetch(id), undefined);
  });
}

test("fetch() with an index that was made of a longer, shorter or changed snapshot, finds what is in this one", async (t) => {
  const line = (id) => `${JSON.stringify({ id, data: valueOf(id) })}\n`;
  for (const change of [
    (text) => text + line("added"),
    (text) => text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1),
    (text) => text.replace(/\n.*\n/, `\n${line("inserted")}`),
    (text) => text.replace(`{"id":"id-599"`, `{"id":"id-5990"`),
  ]) {
    const { bucket, snapshot, open } = await filled();
    const changed = change(String(bucket.files.get(snapshot())));
    bucket.files.set(snapshot(), Buffer.from(changed));
    bucket.manifest.stats.activeRecords = 0;
    const records = changed.trimEnd().split("\n").slice(1).map(JSON.parse);
    const known = new Map(records.map(({ id, data }) => [id, data]));
    for (const id of ["added", "inserted", "id-5990", idOf(0), idOf(1), idOf(MANY - 1)]) {
      const reader = await open(unloaded);
      t.deepEqual(await reader.fetch(id), known.get(id), id);
    }
  }
});

test("fetch() while another index takes the place of the one that it began to read, finds what is in the snapshot", async (t) => {
  const { bucket, reader, index } = await filled();
  t.deepEqual(await reader.fetch(idOf(0)), valueOf(0));
  t.is(await reader.fetch("missing"), undefined);
  const other = await filled();
  bucket.files.set(index(), other.bucket.files.get(other.index()));
  for (let n = 0; n < MANY; n += 50) t.deepEqual(await reader.fetch(idOf(n)), valueOf(n));
  t.is(await reader.fetch("missing"), undefined);
});

test("fetch() with an index that leads into a value, does not take what stands there for a record", async (t) => {
  const { bucket, open } = newBucket();
  const writer = await open();
  await writer.set("first", PAD);
  await writer.set("inner", { n: 1 });
  await writer.set("third", PAD);
  await fill(writer);
  const path = bucket.manifest.currentSnapshot;
  const [header, first, inner, third, ...lines] = String(bucket.files.get(path)).split("\n");
  // As long as these three, with the second where it was.
  const before = `{"id":"outer","data":["`;
  const begin = `${before}${"p".repeat(first.length - before.length - 1)}",`;
  const end = `,"${"q".repeat(third.length - 4)}"]}`;
  const outer = `${begin}${inner}${end}`;
  t.is(outer.length, [first, inner, third].join("\n").length);
  bucket.files.set(path, Buffer.from([header, outer, ...lines].join("\n")));
  bucket.manifest.stats.activeRecords = 0;
  for (const [id, value] of [
    ["inner", undefined],
    ["first", undefined],
    ["third", undefined],
    [idOf(3), valueOf(3)],
  ]) {
    const reader = await open(unloaded);
    t.deepEqual(await reader.fetch(id), value, id);
  }
});

test("fetch() while checkpoints replace the snapshot and old ones are deleted, finds what is there by then", async (t) => {
  const { bucket, backend, open, writer, snapshot } = await filled({ deletes: true });
  const first = snapshot();
  for (const method of ["readBlobRange", "readOps", "readManifest"]) {
    for (const at of [0, 1, 2, 3]) {
      const own = backend();
      const reader = await open(unloaded, own);
      if (method === "readBlobRange") await reader.fetch("none");
      await writer.set(idOf(5), { method, at, n: 1 });
      await reader.refresh();
      let left = at;
      const usual = own.before;
      own.before = async (name, ...args) => {
        await usual(name, ...args);
        if (name !== method || left-- > 0) return;
        own.before = usual;
        await writer.set(idOf(5), { method, at, n: 2 });
        await writer.compact();
        dropUnnamed(bucket);
      };
      const found = await reader.fetch(idOf(5));
      t.is(found.method, method);
      t.deepEqual(await reader.fetch(idOf(6)), valueOf(6));
      await reader.close();
    }
  }
  t.false(bucket.files.has(first));
});

test("fetch() of random ids, after random histories of single writers and agents, gives what a store that loaded all gives", async (t) => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = new Random(seed);
    const below = (limit) => random.below(limit);
    const isShared = seed % 2 === 0;
    const { open, backend } = newBucket({ conditional: seed % 3 !== 0 });
    const writers = [await open(isShared ? { agentId: "one" } : {})];
    if (isShared) writers.push(await open({ agentId: "two" }));
    await fill(writers[0]);
    const own = backend();
    const reader = await open(unloaded, own);
    for (let step = 0; step < 40; step++) {
      const writer = writers[below(writers.length)];
      const id = idOf(below(MANY + 20));
      const kind = below(20);
      if (kind < 9) await writer.set(id, { seed, step, pad: PAD.slice(below(2000)) });
      else if (kind < 12) await writer.delete(id).catch(() => {});
      else if (kind < 14) await writer.undo();
      else if (kind < 16)
        await writer.batch(() => [1, 2, 3].forEach((n) => writer.set(idOf(below(MANY)), { n, step })));
      else if (kind < 17) await writer.archive((_, archived) => archived === id, "2026-Q1");
      else if (kind < 18) await writer.compact();
      else await writer.refresh();
      if (step % 4 !== 3) continue;
      await reader[step % 8 === 3 ? "tail" : "refresh"]();
      const loaded = await open({ readOnly: true });
      for (let n = 0; n < 15; n++) {
        const asked = idOf(below(MANY + 20));
        t.deepEqual(await reader.fetch(asked), loaded.get(asked), `seed ${seed}, step ${step}, ${asked}`);
      }
      await loaded.close();
    }
    t.false(own.calls.includes("loadSnapshot"), `seed ${seed}`);
    for (const store of [reader, ...writers]) await store.close();
  }
});

test("fetch() with a newer version, migrates the record that it reads, and no other", async (t) => {
  const world = newBucket();
  const writer = await world.open({ version: 1 });
  await fill(writer);
  await writer.set(idOf(1), { n: "log" });
  const asked = [];
  const migrate = (record, version) => {
    asked.push(version);
    return { ...record, pad: undefined, isNew: true };
  };
  const reader = await world.open({ ...unloaded, version: 3, migrate });
  t.deepEqual(await reader.fetch(idOf(0)), { n: 0, isNew: true });
  t.deepEqual(await reader.fetch(idOf(1)), { n: "log", isNew: true });
  t.deepEqual(asked, [1, 1]);
});

test("fetch() of a writer with skipLoad, shows what it wrote, buffered or not, and what is stored", async (t) => {
  const { writer, open } = await filled();
  await writer.close();
  for (const writeMode of ["immediate", "group"]) {
    const store = await open({ skipLoad: true, writeMode, groupCommitSize: 1000, groupCommitMs: 100_000 });
    await store.set(idOf(1), { writeMode });
    t.deepEqual(await store.fetch(idOf(1)), { writeMode });
    t.deepEqual(await store.fetch(idOf(2)), valueOf(2));
    await store.close();
  }
  const agent = await open({ skipLoad: true, agentId: "one" });
  const done = agent.set(idOf(1), { n: "agent" });
  t.deepEqual(await agent.fetch(idOf(1)), { n: "agent" });
  await done;
  await agent.close();
});

test("fetch() of a closed store, and while it closes, rejects with OPSLOG_NOT_OPEN or answers", async (t) => {
  const { reader, backend, open } = await filled();
  await reader.close();
  await t.throwsAsync(reader.fetch("a"), { code: "OPSLOG_NOT_OPEN" });
  const own = backend();
  const other = await open(unloaded, own);
  const { reached, open: letGo } = gate(own, "readBlobRange");
  const found = other.fetch(idOf(1));
  await reached;
  const closed = other.close();
  letGo();
  await closed;
  t.deepEqual(await found.catch(({ code }) => code), valueOf(1));
});

test("fetch() whose backend fails, rejects with what it failed with, and the next one answers", async (t) => {
  const { backend, open } = await filled();
  for (const method of ["readManifest", "readOps", "readBlobRange"]) {
    const own = backend();
    const reader = await open(unloaded, own);
    const usual = own.before;
    own.before = async (name) => {
      if (name !== method) return;
      own.before = usual;
      throw new Error(`${method} fails`);
    };
    await t.throwsAsync(reader.fetch(idOf(1)), { message: `${method} fails` });
    t.deepEqual(await reader.fetch(idOf(1)), valueOf(1));
  }
});

test("a snapshot that is gone although the manifest names it, fails with OPSLOG_CORRUPT and its path", async (t) => {
  const { bucket, snapshot, open } = await filled();
  bucket.files.delete(snapshot());
  const reader = await open(unloaded);
  const error = await t.throwsAsync(reader.fetch(idOf(1)));
  t.true(error.code === "OPSLOG_CORRUPT" || error.code === "ENOENT");
});

test("an index that cannot be written, fails no checkpoint", async (t) => {
  const { bucket, backend, open } = newBucket();
  const own = backend();
  own.before = async (name, path) => {
    if (name === "writeBlob" && path.startsWith("index/")) throw new Error("no space");
  };
  const writer = await open({}, own);
  await fill(writer);
  t.false([...bucket.files.keys()].some((path) => path.startsWith("index/")));
  const reader = await open(unloaded);
  t.deepEqual(await reader.fetch(idOf(1)), valueOf(1));
});

test("prune() deletes the indexes of the snapshots that it deletes", async (t) => {
  const { bucket, writer, index } = await filled({ deletes: true });
  for (let n = 0; n < 3; n++) {
    await writer.set("a", { n });
    await writer.compact();
  }
  await writer.prune();
  const indexes = [...bucket.files.keys()].filter((path) => path.startsWith("index/"));
  t.true(indexes.includes(index()));
  t.is(indexes.length, [...bucket.files.keys()].filter((path) => path.startsWith("snapshots/")).length);
});

test("a backend that hands over what are no Buffers, is told so", async (t) => {
  const { open, backend } = newBucket();
  const own = backend();
  own.writeSnapshotFrom = async (records, version, onBytes) => onBytes("text");
  const store = await open();
  await store.set("a", { n: 1 });
  await store.close();
  const next = await open({}, own);
  await next.set("a", { n: 2 });
  await t.throwsAsync(next.compact(), {
    code: "OPSLOG_INVALID_ARGUMENT",
    message: /onBytes\(\), got string/,
  });
});

/** Deletes what the manifest does not name as current, as after a grace period. */
function dropUnnamed({ files, manifest }) {
  const { currentSnapshot, activeOps, activeAgentOps = {} } = manifest;
  const named = [currentSnapshot, activeOps, ...Object.values(activeAgentOps)];
  const isKept = (path) => named.includes(path) || path.includes(currentSnapshot.split("/").at(-1));
  for (const path of [...files.keys()]) if (!isKept(path)) files.delete(path);
}

const pagesOf = (bytes) => Array.from({ length: bytes.length / 1024 - 1 }, (_, page) => (page + 1) * 1024);
const reversedPages = (bytes) =>
  pagesOf(bytes)
    .reverse()
    .map((at) => bytes.subarray(at, at + 1024));

function flipped(bytes, places) {
  const changed = Buffer.from(bytes);
  for (const at of places) changed[at] ^= 4;
  return changed;
}
