/** Two agents of agentdb in one folder, and on one S3Backend. */
import assert from "node:assert/strict";
import { AgentDB } from "@backloghq/agentdb";
import { S3Backend } from "@backloghq/opslog-s3";
import { keysOf, newBucket } from "./bucket.mjs";
import { check } from "./harness.mjs";

const sorted = (records) => records.map((record) => record._id).sort();

async function exerciseAgents(open) {
  const [one, two] = [await open("one"), await open("two")];
  const [mine, theirs] = [await one.collection("items"), await two.collection("items")];
  await mine.insert({ _id: "a", by: "one" });
  await theirs.insert({ _id: "b", by: "two" });
  await mine.refresh();
  assert.deepEqual(sorted(await mine.findAll()), ["a", "b"]);
  assert.equal((await theirs.tail()).length > 0, true);
  assert.deepEqual(sorted(await theirs.findAll()), ["a", "b"]);
  await theirs.update({ _id: "a" }, { $set: { by: "two" } });
  await mine.refresh();
  assert.equal((await mine.findOne("a")).by, "two");
  await mine.insert({ _id: "c", by: "one" });
  assert.equal(await mine.undo(), true);
  await theirs.refresh();
  assert.deepEqual(sorted(await theirs.findAll()), ["a", "b"]);
  await one.close();
  await two.close();
  const three = await open("three");
  assert.deepEqual(sorted(await (await three.collection("items")).findAll()), ["a", "b"]);
  await three.close();
}

check("two agents in one folder see each other's writes after refresh", async (folder) => {
  await exerciseAgents((agentId) => AgentDB.open(folder, { agentId, checkpointThreshold: 1000 }));
});

check("two agents on one S3Backend each see the other's writes after refresh", async (folder) => {
  const bucket = await newBucket();
  await exerciseAgents((agentId) => {
    const backend = new S3Backend(bucket);
    return AgentDB.open(folder, { agentId, backend, checkpointThreshold: 1000 });
  });
});

check("one writer on an S3Backend works through a day of agentdb", async (folder) => {
  const bucket = await newBucket();
  const open = () => {
    const backend = new S3Backend(bucket);
    return AgentDB.open(folder, { backend, checkpointThreshold: 20 });
  };
  let database = await open();
  let items = await database.collection("items");
  await items.insertMany(Array.from({ length: 30 }, (_, n) => ({ _id: `i${n}`, n })));
  for (let n = 0; n < 30; n += 3) await items.update({ _id: `i${n}` }, { $set: { third: true } });
  assert.equal(await items.count({ third: true }), 10);
  await items.batch(() => ["i1", "i2"].forEach((id) => items.deleteById(id)));
  await items.insert({ _id: "undone" });
  assert.equal(await items.undo(), true);
  await items.writeBlob("i3", "note.txt", "in the bucket");
  assert.equal(await items.archive({ n: { $gte: 25 } }, "2024-Q1"), 5);
  await database.close();
  database = await open();
  items = await database.collection("items");
  assert.equal(await items.count(), 23);
  assert.equal((await items.readBlob("i3", "note.txt")).toString(), "in the bucket");
  assert.equal((await items.loadArchive("2024-Q1")).length, 5);
  await database.close();
  assert.ok(!(await keysOf(bucket)).some((key) => key.endsWith(".lock")));
});

check("disk mode on an S3Backend keeps its records in the bucket", async (folder) => {
  const bucket = await newBucket();
  const open = () => {
    const backend = new S3Backend(bucket);
    return AgentDB.open(folder, { backend, storageMode: "disk" });
  };
  let database = await open();
  await (await database.collection("items")).insertMany([{ _id: "a" }, { _id: "b" }]);
  await database.close();
  database = await open();
  const items = await database.collection("items");
  assert.deepEqual(sorted((await items.find({ limit: 10 })).records), ["a", "b"]);
  await database.close();
});
