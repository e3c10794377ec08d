/** agentdb in disk and auto mode: it opens stores with skipLoad and keeps its own files beside them. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AgentDB } from "@backloghq/agentdb";
import { check } from "./harness.mjs";

async function withItems(folder, options, use) {
  const database = await AgentDB.open(folder, options);
  try {
    return await use(await database.collection("items"), database);
  } finally {
    await database.close();
  }
}

const disk = { storageMode: "disk" };
const many = (count) => Array.from({ length: count }, (_, n) => ({ _id: `i${n}`, n, kind: `k${n % 5}` }));

check("records in disk mode survive closes, and the log is emptied each time", async (folder) => {
  await withItems(folder, disk, async (items) => {
    await items.insertMany(many(300));
    assert.equal(await items.count({ kind: "k1" }), 60);
    assert.equal(await items.update({ n: { $lt: 10 } }, { $set: { small: true } }), 10);
    assert.equal(await items.remove({ _id: "i299" }), 1);
  });
  assert.deepEqual(await readdir(join(folder, "collections", "items", "ops")), []);
  await withItems(folder, disk, async (items) => {
    assert.equal(await items.count({ small: true }), 10);
    assert.deepEqual((await items.findOne("i7")).n, 7);
    await items.insert({ _id: "later", n: 1000 });
    await items.update({ _id: "i5" }, { $set: { changed: true } });
  });
  await withItems(folder, disk, async (items) => {
    assert.equal((await items.findOne("later")).n, 1000);
    assert.equal((await items.findOne("i5")).changed, true);
    const page = await items.find({ filter: { kind: "k2" }, limit: 1000 });
    assert.equal(page.records.length, 60);
  });
});

check("a store that was filled in memory mode is taken over by disk mode", async (folder) => {
  await withItems(folder, { checkpointThreshold: 50 }, async (items) => {
    await items.insertMany(many(120));
    for (const record of many(20)) await items.update({ _id: record._id }, { $set: { touched: true } });
    await items.deleteById("i0");
  });
  await withItems(folder, disk, async (items) => {
    assert.equal(await items.count({ touched: true }), 19);
    assert.equal(await items.findOne("i0"), undefined);
    assert.equal((await items.find({ limit: 1000 })).records.length, 119);
  });
});

check("a write in disk mode without close is replayed from the log", async (folder) => {
  const database = await AgentDB.open(folder, { ...disk, agentId: "one" });
  const items = await database.collection("items");
  await items.insertMany(many(10));
  await withItems(folder, { ...disk, agentId: "two" }, async (again) => {
    assert.equal((await again.find({ limit: 100 })).records.length, 10);
  });
  await database.close();
});

check("auto mode starts in memory and moves to disk above its threshold", async (folder) => {
  const options = { storageMode: "auto", diskThreshold: 100 };
  await withItems(folder, options, async (items) => {
    assert.equal(items.getDiskStore() ?? null, null);
    await items.insertMany(many(150));
  });
  await withItems(folder, options, async (items) => {
    assert.notEqual(items.getDiskStore() ?? null, null);
    assert.equal((await items.find({ limit: 1000 })).records.length, 150);
    await items.insert({ _id: "more" });
  });
  await withItems(folder, options, async (items) => assert.equal((await items.findOne("more"))._id, "more"));
});

check("undo in disk mode takes back what this session wrote", async (folder) => {
  await withItems(folder, disk, async (items) => {
    await items.insert({ _id: "kept" });
    await items.insert({ _id: "undone" });
    assert.equal(await items.undo(), true);
    assert.equal(await items.findOne("undone"), undefined);
  });
  await withItems(folder, disk, async (items) => {
    assert.equal((await items.findOne("kept"))._id, "kept");
    assert.equal(await items.findOne("undone"), undefined);
  });
});
