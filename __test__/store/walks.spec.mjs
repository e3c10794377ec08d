/** scan() by the order of ids, and filterAsync(). */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { execFile } from "node:child_process";
import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import test from "ava";
import { Store } from "../../index.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { until } from "../helpers/until.mjs";
import { randomNumbers } from "../queries/random.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };
const COUNT = 6_000;
const derived = promisify(pbkdf2);
const run = promisify(execFile);

/** Ids that UTF-8 would put in another order than `<` does, and such as begin with one another. */
const odd = [
  "\uFFFD",
  "\u{1F600}",
  "\u{1F600}a",
  "\uD800",
  "\uDFFF",
  "\uDC00x",
  "\uE000",
  "é",
  "",
  "user",
  "user:",
];
const idOf = (n) =>
  `${["user:", "order:", "\u{1F600}:", "\uFF5E:"][n % 4]}${String((n * 7919) % 100_003)}${odd[n % odd.length]}`;

async function opened(t, folder, options) {
  const store = new Store();
  await store.open(folder, { ...manual, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

/** A folder with many records in its snapshot, of more than 1 MB. */
async function folderWithMany(t) {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  const text = "x".repeat(200);
  await store.batch(() => {
    for (let n = 0; n < COUNT; n++) store.set(idOf(n), { n, text });
  });
  await store.compact();
  await store.close();
  return folder;
}

const trees = async (folder) =>
  (await readdir(join(folder, "index"))).filter((name) => name.endsWith(".tree"));

function compareUnits(one, other) {
  return one < other ? -1 : Number(one > other);
}

/** All entries in the order of their ids. */
const inOrder = (store) => [...store].sort(([one], [other]) => compareUnits(one, other));

/** What scan() has to give of entries in the order of their ids. */
function expected(entries, { prefix = "", gt, gte, lt, lte, reverse, limit = Infinity }) {
  const isWanted = ([id]) =>
    id.startsWith(prefix) &&
    (gt === undefined || id > gt) &&
    (gte === undefined || id >= gte) &&
    (lt === undefined || id < lt) &&
    (lte === undefined || id <= lte);
  const wanted = entries.filter(isWanted);
  if (reverse) wanted.reverse();
  return wanted.slice(0, limit);
}

async function scanned(store, options) {
  const entries = [];
  for await (const entry of store.scan(options)) entries.push(entry);
  return entries;
}

function randomRange(random, ids) {
  const some = () => {
    const id = ids[Math.floor(random() * ids.length)];
    return random() < 0.5 ? id : id.slice(0, Math.ceil(random() * id.length));
  };
  const options = { reverse: random() < 0.5 };
  if (random() < 0.6) options.prefix = some().slice(0, 1 + Math.floor(random() * 9));
  if (random() < 0.3) options[random() < 0.5 ? "gt" : "gte"] = some();
  if (random() < 0.3) options[random() < 0.5 ? "lt" : "lte"] = some();
  if (random() < 0.5) options.limit = Math.floor(random() * 30);
  return options;
}

async function assertScans(t, store, seed, rounds = 30) {
  const { next: random } = randomNumbers(seed);
  const entries = inOrder(store);
  const ids = entries.map(([id]) => id);
  for (let round = 0; round < rounds; round++) {
    const options = randomRange(random, ids);
    const [found, wanted] = [await scanned(store, options), expected(entries, options)];
    t.deepEqual(
      found.map(([id, { n }]) => [id, n]),
      wanted.map(([id, { n }]) => [id, n]),
      JSON.stringify(options),
    );
  }
}

test("scan() by an order of ids gives what a walk over all records gives, with a log above the snapshot, and after checkpoints", async (t) => {
  const folder = await folderWithMany(t);
  t.deepEqual(await trees(folder), []);
  const store = await opened(t, folder);
  await assertScans(t, store, 1, 10);
  await store.whenIndexed();
  t.is((await trees(folder)).length, 1);
  await assertScans(t, store, 2);
  const ids = [...store.keys()];
  for (let n = 0; n < 300; n++) {
    if (n % 3 === 0) await store.delete(ids[n * 7]);
    else await store.set(n % 3 === 1 ? ids[n * 11] : `user:new${n}`, { n });
  }
  await assertScans(t, store, 3);
  await store.compact();
  await assertScans(t, store, 4);
  await store.close();
  t.true((await Store.verify(folder)).ok);

  // A program that scans nothing keeps it all the same.
  const other = await opened(t, folder);
  await other.set("user:other", { n: -1 });
  await other.compact();
  const { currentSnapshot } = other.getManifest();
  await other.close();
  t.true((await trees(folder)).some((name) => currentSnapshot.endsWith(name.split(".jsonl")[0] + ".jsonl")));
  const reader = await opened(t, folder, { readOnly: true });
  await assertScans(t, reader, 5);
});

test("a scan() of a few ids by their order reads no other records", async (t) => {
  const folder = await folderWithMany(t);
  const first = await opened(t, folder);
  await scanned(first, { prefix: "user:" });
  await first.whenIndexed();
  await first.close();
  const store = await opened(t, folder);
  const wanted = expected(inOrder(store), { prefix: "user:1", limit: 20 });
  t.is((await scanned(store, { prefix: "user:", limit: 1 })).length, 1);
  // What is read of the snapshot from here on is damaged, but for the records that are wanted.
  const path = join(folder, store.getManifest().currentSnapshot);
  const lines = (await readFile(path, "utf8")).split("\n");
  const ids = new Set(wanted.map(([id]) => id));
  const spoiled = lines.map((line, at) =>
    at === 0 || line === "" || ids.has(JSON.parse(line).id) ? line : line.replace("xxxx", "xx\u0001x"),
  );
  t.notDeepEqual(spoiled, lines);
  await writeFile(path, spoiled.join("\n"));
  t.deepEqual(await scanned(store, { prefix: "user:1", limit: 20 }), wanted);
});

test("a damaged order of ids gives no wrong answer, is told by verify(), and is made again", async (t) => {
  const folder = await folderWithMany(t);
  const first = await opened(t, folder);
  await scanned(first, { prefix: "user:" });
  await first.whenIndexed();
  await first.close();
  const [name] = await trees(folder);
  const file = join(folder, "index", name);
  const sound = await readFile(file);
  for (let at = 100; at < sound.length; at += 3 * 4096) {
    const damaged = Buffer.from(sound);
    damaged[at] ^= 1;
    await writeFile(file, damaged);
    const reader = await opened(t, folder, { readOnly: true });
    await assertScans(t, reader, at, 5);
    await reader.close();
  }
  t.false((await Store.verify(folder)).ok);
  const writer = await opened(t, folder);
  for (let round = 0; round < 2; round++) {
    await assertScans(t, writer, round, 15);
    await writer.whenIndexed();
  }
  await writer.close();
  t.true((await Store.verify(folder)).ok);
});

const index = new URL("../../index.mjs", import.meta.url).href;
/** More records than a scan without an order of ids holds places of. */
const MANY = 750_000;
/** What a scan may hold before its first record: a list of these ids alone would take three times as much. */
const SCAN_LIMIT_BYTES = 30e6;

const scanning = `
  import { Store } from ${JSON.stringify(index)};
  const { folder, many, options } = JSON.parse(process.argv[1]);
  const store = new Store();
  await store.open(folder, { readOnly: true });
  await store.get("0");
  const before = process.memoryUsage().rss;
  let grown;
  let [count, sum] = [0, 0];
  let last = options.reverse ? "x" : "";
  for await (const [id, n] of store.scan(options)) {
    grown ??= process.memoryUsage().rss - before;
    if (options.reverse ? id >= last : id <= last) throw new Error(id + " after " + last);
    if (Number(id) !== n % many) throw new Error(id + " has " + n);
    last = id;
    count++;
    sum += n;
  }
  console.log(JSON.stringify({ grown, count, sum }));
  await store.close();`;

test("scan() of all of 750,000 records in any order, below changes in the log, holds a few MB and gives each record once, in order", async (t) => {
  const folder = await temporaryFolder(t);
  const store = await opened(t, folder);
  for (let from = 0; from < MANY; from += 50_000) {
    await store.batch(() => {
      for (let n = from; n < from + 50_000; n++) store.set(String((n * 7919) % MANY), (n * 7919) % MANY);
    });
  }
  await store.compact();
  await store.batch(() => {
    for (let n = 0; n < 1000; n++) store.delete(String(n * 700));
    for (let n = 1; n <= 1000; n++) store.set(String(n * 701), n * 701 + MANY);
  });
  const wanted = { count: 0, sum: 0 };
  for (const [, n] of store) {
    wanted.count++;
    wanted.sum += n;
  }
  await store.close();
  for (const options of [{}, { reverse: true }]) {
    const given = JSON.stringify({ folder, many: MANY, options });
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", scanning, given]);
    const { grown, ...found } = JSON.parse(stdout);
    t.deepEqual(found, wanted);
    t.log(`${Math.round(grown / 1e6)} MB before the first record`);
    t.true(grown < SCAN_LIMIT_BYTES, `${grown} bytes`);
  }
});

everywhere("ids that are too long for the order are scanned without it", async (t) => {
  const folder = await folderWithMany(t);
  const store = await opened(t, folder);
  for (let n = 0; n < 4; n++) await store.set(`user:${"y".repeat(300)}${n}`, { n });
  await store.compact();
  await scanned(store, { prefix: "user:" });
  await store.whenIndexed();
  const found = await scanned(store, { prefix: "user:yyy", reverse: true });
  t.deepEqual(
    found.map(([, { n }]) => n),
    [3, 2, 1, 0],
  );
});

test("filterAsync() gives what filter() gives, as objects of its own, and leaves other work its turns", async (t) => {
  const store = await opened(t, await folderWithMany(t));
  let turns = 0;
  let isOver = false;
  const turning = (async () => {
    while (!isOver) {
      await setImmediate();
      turns++;
    }
  })();
  const slowly = ({ n }) => {
    for (let i = 0; i < 20_000; i++);
    return n % 3 === 0;
  };
  const found = await store.filterAsync(slowly);
  isOver = true;
  await turning;
  t.true(turns > 3, `${turns} turns`);
  t.deepEqual(
    found,
    store.filter(({ n }) => n % 3 === 0),
  );
  found[0].n = "spoiled";
  t.not(store.filter(({ n }) => n === "spoiled").length, 1);
});

for (const [carrier, where] of [
  ["a folder", (t) => temporaryFolder(t)],
  [":memory:", () => ":memory:"],
]) {
  test(`filterAsync() sees the records as they are at the call, whatever is written meanwhile: ${carrier}`, async (t) => {
    const store = await opened(t, await where(t));
    await store.batch(() => {
      for (let n = 0; n < 3000; n++) store.set(`r${n}`, { n });
    });
    let seen = 0;
    const filtering = store.filterAsync(({ n }) => {
      for (let i = 0; i < 20_000; i++);
      seen++;
      return n < 3000;
    });
    await until(() => seen > 0);
    for (let n = 0; n < 100; n++) await store.set(`r${2999 - n}`, { n: 5000 });
    await store.set("new", { n: 1 });
    await store.delete("r2000");
    await store.undo();
    t.is((await filtering).length, 3000);
  });
}

for (const [carrier, options] of [
  ["a folder", {}],
  ["an agent", { agentId: "one" }],
]) {
  test(`scan() of ${carrier}, an operation is undone while its next piece is awaited, gives all records of its moment`, async (t) => {
    const store = await opened(t, await temporaryFolder(t), options);
    const text = "x".repeat(2000);
    for (let n = 1000; n < 1400; n++) await store.set(`r${n}`, { n, text });
    const expected = store.entries();
    const rest = store.scan();
    const seen = [await rest.next()];
    // As many as there are threads: the next piece waits behind these.
    const busy = Array.from({ length: 4 }, () => derived("a", "b", 100_000, 64, "sha512"));
    let next;
    for (let isThere = true; isThere;) {
      next = rest.next();
      isThere = await Promise.race([next.then(() => true), setImmediate(false)]);
      if (isThere) seen.push(await next);
    }
    t.true(seen.length < expected.length);
    await store.undo();
    await store.set("r9999", { n: 9999, text });
    for (let step = await next; !step.done; step = await rest.next()) seen.push(step);
    t.deepEqual(
      seen.map(({ value }) => value),
      expected,
    );
    await Promise.all(busy);
  });
}

test("filterAsync() refuses what is no function and a predicate that is async, and ends with its signal and with close()", async (t) => {
  const store = await opened(t, await folderWithMany(t));
  await t.throwsAsync(store.filterAsync(), { code: "OPSLOG_INVALID_ARGUMENT" });
  await t.throwsAsync(
    store.filterAsync(async () => true),
    { code: "OPSLOG_INVALID_ARGUMENT" },
  );
  await t.throwsAsync(
    store.filterAsync(() => true, { signal: AbortSignal.abort(new Error("enough")) }),
    { message: "enough" },
  );
  const controller = new AbortController();
  const slowly = () => {
    for (let i = 0; i < 50_000; i++);
    return true;
  };
  const aborted = store.filterAsync(slowly, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await t.throwsAsync(aborted, { message: "enough" });
  const closed = store.filterAsync(slowly);
  await store.close();
  await t.throwsAsync(closed, { code: "OPSLOG_NOT_OPEN" });
});
