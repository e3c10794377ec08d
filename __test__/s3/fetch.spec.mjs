/** fetch(): single records of a bucket, by ranges of the snapshot object and its index object. */
import { createRequire } from "node:module";
import { Store } from "../../index.mjs";
import { requireInstalled, s3Backend, s3Client } from "../../campaigns/s3/clients.mjs";
import { newWorld, s3Test } from "./server.mjs";

const { Store: Reference } = createRequire(import.meta.url)("opslog-reference");
const PAD = "x".repeat(2000);
/** From 1 MiB on a snapshot has an index. */
const MANY = 600;
const unloaded = { readOnly: true, skipLoad: true };
const idOf = (n) => `id-${n}`;
const valueOf = (n) => ({ n, pad: PAD });

async function fill(store, count = MANY) {
  await store.batch(() => {
    for (let n = 0; n < count; n++) store.set(idOf(n), valueOf(n));
  });
  await store.compact();
}

async function filled(t, ...options) {
  const world = await newWorld(t, ...options);
  const store = await world.open();
  await fill(store);
  return { ...world, store };
}

s3Test("fetch() is two ranged reads, and open() with skipLoad does not read the snapshot", async (t) => {
  const { open, proxy, store } = await filled(t);
  proxy.take();
  const loaded = await open({ readOnly: true });
  const whole = proxy.take();
  const reader = await open(unloaded);
  const opened = proxy.take();
  t.true(opened.bytesDown < 5000 && whole.bytesDown > 1_000_000, `${opened.bytesDown} of ${whole.bytesDown}`);
  t.deepEqual(await reader.fetch(idOf(1)), valueOf(1));
  t.true(proxy.take().bytesDown < 12_000);
  let further = 0;
  for (const n of [0, 300, MANY - 1, ...Array.from({ length: 27 }, (_, n) => 20 * (n + 1))]) {
    t.deepEqual(await reader.fetch(idOf(n)), valueOf(n));
    const { requests } = proxy.take();
    // A page of the index that is full goes on in the next one.
    t.true(Object.keys(requests).join() === "GET" && requests.GET < 5, JSON.stringify(requests));
    further += requests.GET - 2;
  }
  t.true(further < 10, `${further} reads over two for each of 30 records`);
  t.is(await reader.fetch("none"), undefined);
  proxy.take();
  t.is(await reader.fetch("neither"), undefined);
  t.deepEqual(proxy.take().requests, { GET: 1 });
  await store.set(idOf(0), { n: "new" });
  await reader.tail();
  t.deepEqual(await reader.fetch(idOf(0)), { n: "new" });
  proxy.take();
  t.deepEqual(await reader.fetch(idOf(0)), { n: "new" });
  t.is(proxy.take().count, 0);
  for (const each of [loaded, reader, store]) await each.close();
});

s3Test("fetch() among agents, shows their operations over the snapshot", async (t) => {
  const { open } = await newWorld(t);
  const [one, two] = [await open({ agentId: "one" }), await open({ agentId: "two" })];
  await fill(one);
  await one.set("both", { by: "one" });
  await two.refresh();
  await two.set("both", { by: "two" });
  await two.delete(idOf(1));
  const reader = await open(unloaded);
  t.deepEqual(await reader.fetch("both"), { by: "two" });
  t.is(await reader.fetch(idOf(1)), undefined);
  t.deepEqual(await reader.fetch(idOf(2)), valueOf(2));
  t.deepEqual(await one.fetch(idOf(2)), one.get(idOf(2)));
  for (const store of [reader, one, two]) await store.close();
});

s3Test("fetch() comes through lost answers, throttling and connections that are cut in a body", async (t) => {
  const { open, proxy, store } = await filled(t);
  for (const harm of ["answer lost", "500 without effect", "503 without effect", "cut in the body"]) {
    const reader = await open(unloaded);
    let left = 4;
    proxy.harm = ({ method }) => (method === "GET" && left-- > 0 && left % 2 === 0 ? harm : null);
    for (const n of [1, 2]) t.deepEqual(await reader.fetch(idOf(n)), valueOf(n), harm);
    t.is(await reader.fetch("none"), undefined);
    proxy.harm = null;
    await reader.close();
  }
  await store.close();
});

s3Test(
  "fetch() after its snapshot and index were replaced and deleted, finds what is there by then",
  async (t) => {
    const { backend, open, store } = await filled(t, {}, { graceMs: 0 });
    const reader = await open(unloaded);
    t.deepEqual(await reader.fetch(idOf(1)), valueOf(1));
    const storage = await backend();
    const [before] = await storage.listBlobs("index");
    for (let n = 0; (await storage.listBlobs("index")).includes(before); n++) {
      t.true(n < 10);
      // Objects bear the second in which they were written.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await store.set(idOf(1), { n });
      await store.compact();
    }
    t.is((await reader.fetch(idOf(1))).pad, undefined);
    t.deepEqual(await reader.fetch(idOf(2)), valueOf(2));
    const [snapshots, indexes] = [await storage.listBlobs("snapshots"), await storage.listBlobs("index")];
    t.true(indexes.every((index) => snapshots.includes(index.slice(0, -".idx".length))));
    t.true(indexes.length <= 2, indexes.join(" "));
    await reader.close();
    await store.close();
  },
);

s3Test(
  "a bucket without index objects, which were deleted or cut, is fetched from all the same",
  async (t) => {
    const { backend, open, store } = await filled(t);
    const storage = await backend();
    const index = `index/${(await storage.listBlobs("index"))[0]}`;
    const content = await storage.readBlob(index);
    for (const left of [
      content.subarray(0, 1024),
      content.subarray(0, 1500),
      content.subarray(0, 10),
      null,
    ]) {
      if (left === null) await storage.deleteBlob(index);
      else await storage.writeBlob(index, left);
      const reader = await open(unloaded);
      for (const n of [0, 300, MANY - 1]) t.deepEqual(await reader.fetch(idOf(n)), valueOf(n));
      t.is(await reader.fetch("none"), undefined);
      await reader.close();
    }
    await store.close();
  },
);

s3Test("an index that is longer than a part goes up in parts", async (t) => {
  const { bucket, endpoint } = await newWorld(t);
  const client = s3Client(endpoint);
  t.teardown(() => client.destroy());
  const backend = await s3Backend("s3", { client, bucket });
  const content = Buffer.alloc((5 << 20) + 1000, "index");
  await backend.writeBlob("index/long.idx", content);
  t.true((await backend.readBlob("index/long.idx")).equals(content));
  t.deepEqual(await backend.readBlobRange("index/long.idx", content.length, 10), Buffer.alloc(0));
  await t.throwsAsync(backend.readBlobRange("index/none.idx", 0, 10), { code: "ENOENT" });
  const { HeadObjectCommand } = requireInstalled("@aws-sdk/client-s3");
  const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: "index/long.idx" }));
  t.regex(head.ETag, /-2"$/);
});

s3Test("a blob in pieces, each of which overwrites the one before, is what they were", async (t) => {
  const { bucket, endpoint } = await newWorld(t);
  const client = s3Client(endpoint);
  t.teardown(() => client.destroy());
  const backend = await s3Backend("s3", { client, bucket });
  const content = Buffer.alloc((26 << 20) + 1000, "index");
  for (let at = 0; at < content.length; at += 1000) content.writeUInt32LE(at, at);
  const room = Buffer.alloc(70_001);
  function* pieces() {
    for (let at = 0; at < content.length; at += room.length)
      yield room.subarray(0, content.copy(room, 0, at, at + room.length));
  }
  await backend.writeBlobFrom("index/long.idx", pieces());
  t.true((await backend.readBlob("index/long.idx")).equals(content));
  const { constructor: S3Backend } = backend;
  const written = [];
  class Own extends S3Backend {
    async writeBlob(path, whole) {
      written.push([path, whole.equals(content)]);
    }
  }
  await new Own({ client, bucket }).writeBlobFrom("index/own.idx", pieces());
  t.deepEqual(written, [["index/own.idx", true]]);
});

s3Test(
  "a bucket with index objects opens with opslog-s3, on this engine and on that of 0.8.1, and theirs here",
  async (t) => {
    const { bucket, endpoint, open, store } = await filled(t);
    await store.close();
    const client = s3Client(endpoint);
    t.teardown(() => client.destroy());
    for (const [engine, Engine] of [
      ["this", Store],
      ["0.8.1", Reference],
    ]) {
      const theirs = new Engine();
      const backend = await s3Backend("opslog-s3", { client, bucket, prefix: "store" });
      await theirs.open("", { backend, checkpointOnClose: false });
      t.deepEqual(theirs.get(idOf(7)), valueOf(7), engine);
      t.true(theirs.count() >= MANY);
      await theirs.set(engine, { n: 1 });
      const before = await open(unloaded);
      t.deepEqual(await before.fetch(engine), { n: 1 });
      t.deepEqual(await before.fetch(idOf(8)), valueOf(8));
      await theirs.compact();
      await theirs.close();
      const reader = await open(unloaded);
      t.deepEqual(await reader.fetch(engine), { n: 1 });
      t.deepEqual(await reader.fetch(idOf(9)), valueOf(9));
      t.is(await reader.fetch("none"), undefined);
      await before.close();
      await reader.close();
    }
    const ours = await open();
    await ours.set("ours", { n: 1 });
    await ours.compact();
    t.is((await ours.usage()).indexes.files, 2);
    await ours.close();
  },
);
