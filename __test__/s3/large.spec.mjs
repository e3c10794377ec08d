/** Snapshots that are longer than a piece: they go up in parts of one upload, and come down in ranges. */
import { Store } from "../../index.mjs";
import { s3Backend, s3Client } from "../../campaigns/s3/clients.mjs";
import { newWorld, s3Test } from "./server.mjs";

const MB = 1 << 20;

const RECORDS = 24;
/** A record of half a megabyte: so many make three pieces. */
const valueOf = (n) => ({ n, text: String.fromCharCode(97 + (n % 26)).repeat(MB / 2) });
const many = () => Array.from({ length: RECORDS }, (_, n) => [`id-${n}`, valueOf(n)]);

const isUpload = ({ method, url }) => method === "PUT" && url.includes("partNumber=");
const isComplete = ({ method, url }) => method === "POST" && url.includes("uploadId=");
const isCreate = ({ method, url }) => method === "POST" && url.includes("uploads");
const isSnapshot = ({ method, url }) => method === "GET" && url.includes("/snapshots/");

/** Counts requests by kind; `harm` may name what befalls one, the first time that it is asked. */
function watch(proxy, harm = () => undefined) {
  const seen = { create: 0, part: 0, complete: 0, read: 0 };
  proxy.harm = (request) => {
    for (const [name, isOne] of [
      ["create", isCreate],
      ["part", isUpload],
      ["complete", isComplete],
      ["read", isSnapshot],
    ]) {
      if (!isOne(request)) continue;
      seen[name]++;
      return harm(name, seen[name]) ?? null;
    }
    return null;
  };
  return seen;
}

async function filled(open) {
  const store = await open();
  for (const [id, value] of many()) await store.set(id, value);
  return store;
}

s3Test("a snapshot of three pieces goes up in three parts and comes down in three ranges", async (t) => {
  const { open, proxy } = await newWorld(t, {}, { requestTimeoutMs: 60_000 });
  const store = await filled(open);
  const seen = watch(proxy);
  await store.compact();
  t.like(seen, { create: 1, part: 3, complete: 1 });
  await store.close();
  proxy.take();
  const reader = await open({ readOnly: true });
  t.is(seen.read, 3);
  t.deepEqual([...reader.entries()], many());
  const streamed = [];
  for await (const [id] of reader.streamSnapshot()) streamed.push(id);
  t.deepEqual(
    streamed,
    many().map(([id]) => id),
  );
  await reader.close();
});

for (const [what, harm] of [
  ["whose answer is lost", "answer lost"],
  ["that is carried out twice", "carried out twice, the second answer told"],
  ["that is answered with 500 although it took effect", "500 with effect"],
]) {
  s3Test(`a snapshot in parts is whole, whichever request of it is one ${what}`, async (t) => {
    t.timeout(300_000);
    const { open, proxy } = await newWorld(t, {}, { requestTimeoutMs: 60_000 });
    const store = await filled(open);
    const seen = watch(proxy, (name, count) => (count === 1 ? harm : undefined));
    await store.compact();
    t.true(seen.create > 0 && seen.part > 0 && seen.complete > 0);
    const reader = await open({ readOnly: true });
    t.deepEqual([...reader.entries()], many());
    await reader.close();
    await store.close();
  });
}

s3Test("a snapshot in parts that cannot be uploaded leaves the store as it was", async (t) => {
  const { open, proxy } = await newWorld(t, {}, { requestTimeoutMs: 60_000, attempts: 2 });
  const store = await filled(open);
  watch(proxy, (name, count) => (name === "part" && count > 1 ? "500 without effect" : undefined));
  await t.throwsAsync(store.compact());
  proxy.harm = null;
  await store.set("after", { n: 1 });
  const reader = await open({ readOnly: true });
  t.is(reader.count(), RECORDS + 1);
  await reader.close();
  await store.compact();
  await store.close();
});

s3Test("uploads that a process left behind are ended after the grace period", async (t) => {
  const { open, bucket, endpoint } = await newWorld(t, {}, { graceMs: 0, requestTimeoutMs: 60_000 });
  const { CreateMultipartUploadCommand, ListMultipartUploadsCommand } = await sdk();
  const client = s3Client(endpoint);
  t.teardown(() => client.destroy());
  const left = { Bucket: bucket, Key: "store/snapshots/left.jsonl" };
  await client.send(new CreateMultipartUploadCommand(left));
  const count = async () =>
    (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0;
  t.is(await count(), 1);
  const store = await open();
  for (let n = 0; n < 3; n++) {
    await store.set("a", { n });
    await store.compact();
  }
  await store.close();
  t.is(await count(), 0);
});

s3Test(
  "a snapshot in parts opens through opslog-s3, and one of opslog-s3 that is as long opens here",
  async (t) => {
    t.timeout(300_000);
    const { open, bucket, endpoint } = await newWorld(t, {}, { requestTimeoutMs: 60_000 });
    const store = await filled(open);
    await store.compact();
    await store.close();
    const client = s3Client(endpoint);
    t.teardown(() => client.destroy());
    const theirs = new Store();
    const backend = await s3Backend("opslog-s3", { client, bucket, prefix: "store" });
    await theirs.open("", { backend, checkpointOnClose: false });
    t.deepEqual([...theirs.entries()], many());
    await theirs.set("theirs", { n: 1 });
    await theirs.compact();
    await theirs.close();
    const ours = await open();
    t.is(ours.count(), RECORDS + 1);
    t.deepEqual(ours.get("id-21"), valueOf(21));
    await ours.close();
  },
);

s3Test("a snapshot is written as the records were when it began, whatever is set meanwhile", async (t) => {
  const { open, proxy } = await newWorld(t, {}, { requestTimeoutMs: 60_000 });
  const store = await filled(open);
  const seen = watch(proxy);
  const compacting = store.compact();
  const writing = many().map(([id], n) => store.set(id, { n, isNew: true }));
  await Promise.all([compacting, ...writing]);
  t.is(seen.complete, 1);
  const reader = await open({ readOnly: true });
  t.deepEqual(
    [...reader.entries()],
    many().map(([id], n) => [id, { n, isNew: true }]),
  );
  await reader.close();
  await store.close();
});

s3Test("a subclass that writes and reads snapshots in its own way is asked for them", async (t) => {
  const { bucket, endpoint } = await newWorld(t);
  const client = s3Client(endpoint);
  t.teardown(() => client.destroy());
  const { constructor: S3Backend } = await s3Backend("s3", { client, bucket });
  const calls = [];
  class Own extends S3Backend {
    writeSnapshot(records, version) {
      calls.push(`write ${records.size}`);
      return super.writeSnapshot(records, version);
    }
    loadSnapshot(path) {
      calls.push("load");
      return super.loadSnapshot(path);
    }
  }
  const store = new Store();
  await store.open("", { backend: new Own({ client, bucket, prefix: "own" }), checkpointOnClose: false });
  await store.set("a", { n: 1 });
  await store.compact();
  await store.close();
  t.true(calls.includes("write 1"));
  t.true(calls.includes("load"));
});

async function sdk() {
  const { requireInstalled } = await import("../../campaigns/s3/clients.mjs");
  return requireInstalled("@aws-sdk/client-s3");
}
