/** Store directly on opslog-s3's S3Backend. */
import assert from "node:assert/strict";
import { Store } from "@backloghq/opslog";
import { S3Backend } from "@backloghq/opslog-s3";
import { newBucket } from "./bucket.mjs";
import { check } from "./harness.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };

async function openOn(bucket, options = {}) {
  const store = new Store();
  const backend = new S3Backend(bucket);
  await store.open("ignored", { ...manual, backend, ...options });
  return store;
}

async function entriesOf(bucket) {
  const store = await openOn(bucket);
  const entries = store.entries();
  await store.close();
  return entries;
}

const ids = (store) => store.entries().map(([id]) => id);

check("writes, batches and undo land in the bucket and survive a reopen", async () => {
  const bucket = await newBucket();
  const store = await openOn(bucket);
  await store.set("a", { n: 1 });
  await store.batch(() => {
    store.set("b", { n: 2 });
    store.set("c", { n: 3 });
    store.delete("a");
  });
  await store.set("b", { n: 4 });
  assert.equal(await store.undo(), true);
  assert.equal(await store.undo(), true);
  assert.deepEqual(store.get("a"), { n: 1 });
  await store.close();
  assert.deepEqual(
    new Map(await entriesOf(bucket)),
    new Map(Object.entries({ a: { n: 1 }, b: { n: 2 }, c: { n: 3 } })),
  );
});

for (const writeMode of ["immediate", "group", "async"]) {
  check(`un-awaited writes in ${writeMode} mode are all in the bucket after close`, async () => {
    const bucket = await newBucket();
    const store = await openOn(bucket, { writeMode });
    const pending = Array.from({ length: 30 }, (_, n) => store.set(`id-${n}`, { n }));
    await Promise.all(pending);
    await store.delete("id-3");
    await store.close();
    assert.equal((await entriesOf(bucket)).length, 29);
  });
}

check("compact and archive write through the backend and reads follow", async () => {
  const bucket = await newBucket();
  const store = await openOn(bucket);
  for (let n = 0; n < 10; n++) await store.set(`id-${n}`, { n });
  await store.compact();
  await store.set("late", { n: 100 });
  assert.equal(await store.archive((record) => record.n < 4, "2024-Q1"), 4);
  assert.equal((await store.loadArchive("2024-Q1")).size, 4);
  assert.equal(store.stats().opsCount, 0);
  await store.set("later", { n: 101 });
  await store.close();
  assert.equal((await entriesOf(bucket)).length, 8);
});

check("an explicit threshold makes checkpoints and keeps every record", async () => {
  const bucket = await newBucket();
  const store = await openOn(bucket, { checkpointThreshold: 5, checkpointOnClose: true });
  for (let n = 0; n < 23; n++) await store.set(`id-${n}`, { n });
  await store.close();
  assert.equal((await entriesOf(bucket)).length, 23);
});

check("a second writer is refused while the first is open", async () => {
  const bucket = await newBucket();
  const store = await openOn(bucket);
  await assert.rejects(openOn(bucket), /Store is locked by another agent\. Lock key: data\/\.lock/);
  await store.close();
  await (await openOn(bucket)).close();
});

check("a reader tails what the writer puts into the bucket", async () => {
  const bucket = await newBucket();
  const writer = await openOn(bucket);
  await writer.set("a", { n: 1 });
  const reader = await openOn(bucket, { readOnly: true });
  await writer.set("b", { n: 2 });
  assert.deepEqual(
    (await reader.tail()).map((operation) => operation.id),
    ["b"],
  );
  assert.deepEqual(ids(reader), ["a", "b"]);
  await reader.close();
  await writer.close();
});

check("agents share the bucket, compact, and lose nothing that they refreshed", async () => {
  const bucket = await newBucket();
  const one = await openOn(bucket, { agentId: "one" });
  const two = await openOn(bucket, { agentId: "two" });
  await one.set("a", { n: 1 });
  await two.set("b", { n: 2 });
  await one.refresh();
  await two.refresh();
  assert.deepEqual(ids(one).sort(), ["a", "b"]);
  assert.deepEqual(ids(two).sort(), ["a", "b"]);
  await one.compact();
  await two.refresh();
  await two.set("c", { n: 3 });
  await one.refresh();
  assert.deepEqual(ids(one).sort(), ["a", "b", "c"]);
  assert.equal(await two.undo(), true);
  await one.refresh();
  assert.deepEqual(ids(one).sort(), ["a", "b"]);
  await one.close();
  await two.close();
});
