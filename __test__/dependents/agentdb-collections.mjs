/** agentdb in memory mode, on the file system: what its users do every day. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AgentDB, FsBackend, defineSchema } from "@backloghq/agentdb";
import * as opslog from "@backloghq/opslog";
import { check } from "./harness.mjs";

async function withDatabase(folder, options, use) {
  const database = await AgentDB.open(folder, options);
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

const sorted = (records) => records.map((record) => record._id).sort();

check("agentdb hands out the FsBackend of the package under test", async () => {
  assert.equal(FsBackend, opslog.FsBackend);
  assert.equal(typeof opslog.Store.prototype[Symbol.asyncDispose], "function");
});

for (const writeMode of ["immediate", "group", "async"]) {
  check(`inserts, finds, updates and removals in ${writeMode} mode survive a reopen`, async (folder) => {
    await withDatabase(folder, { writeMode }, async (database) => {
      const users = await database.collection("users");
      await users.insert({ _id: "ann", name: "Ann", role: "admin", age: 31 });
      await users.insertMany(Array.from({ length: 150 }, (_, n) => ({ _id: `u${n}`, role: "user", age: n })));
      assert.equal(await users.count({ role: "user", age: { $lt: 10 } }), 10);
      assert.equal((await users.find({ filter: "role:admin" })).records[0].name, "Ann");
      assert.equal(await users.update({ age: { $gte: 140 } }, { $set: { old: true } }), 10);
      assert.equal(await users.remove({ old: true }), 10);
      assert.deepEqual((await users.upsert("ann", { name: "Anna" })).action, "updated");
      const page = await users.find({ filter: { role: "user" }, sort: "-age", limit: 3 });
      assert.deepEqual(
        page.records.map((record) => record.age),
        [139, 138, 137],
      );
    });
    await withDatabase(folder, {}, async (database) => {
      const users = await database.collection("users");
      assert.equal(await users.count(), 141);
      assert.equal((await users.findOne("ann")).name, "Anna");
      assert.equal(await users.findOne("u145"), undefined);
    });
  });
}

check("concurrent inserts become visible together and indexes follow", async (folder) => {
  await withDatabase(folder, {}, async (database) => {
    const items = await database.collection("items");
    items.createIndex("kind");
    await Promise.all(
      Array.from({ length: 120 }, (_, n) => items.insert({ _id: `i${n}`, kind: `k${n % 3}` })),
    );
    assert.equal(await items.count({ kind: "k1" }), 40);
    assert.equal((await items.find({ filter: { kind: "k2" }, limit: 100 })).records.length, 40);
  });
});

check("a loop of deletes in a batch removes them all, one that throws changes nothing", async (folder) => {
  await withDatabase(folder, {}, async (database) => {
    const items = await database.collection("items");
    await items.insertMany(["a", "b", "c", "d"].map((_id) => ({ _id })));
    await items.batch(() => ["a", "b"].forEach((id) => items.deleteById(id)));
    assert.deepEqual(sorted(await items.findAll()), ["c", "d"]);
    const failing = items.batch(() => {
      items.deleteById("c");
      throw new Error("changed my mind");
    });
    await assert.rejects(failing, /changed my mind/);
    assert.deepEqual(sorted(await items.findAll()), ["c", "d"]);
    for (const id of ["c", "d"]) assert.equal(await items.deleteById(id), true);
    assert.equal(await items.count(), 0);
  });
});

check("undo and history follow the log and search follows undo", async (folder) => {
  await withDatabase(folder, {}, async (database) => {
    const notes = await database.collection("notes", { textSearch: true });
    await notes.insert({ _id: "n", text: "first draft" });
    await notes.update({ _id: "n" }, { $set: { text: "second version" } });
    assert.deepEqual(
      notes.history("n").map((operation) => operation.data.text),
      ["first draft", "second version"],
    );
    assert.equal((await notes.search("second")).records.length, 1);
    assert.equal(await notes.undo(), true);
    assert.equal((await notes.findOne("n")).text, "first draft");
    assert.equal((await notes.search("second")).records.length, 0);
    assert.equal((await notes.search("first")).records.length, 1);
    assert.equal(await notes.undo(), true);
    assert.equal(await notes.undo(), false);
    assert.equal(await notes.count(), 0);
  });
});

check("archives move records away, merge, and load by period", async (folder) => {
  await withDatabase(folder, {}, async (database) => {
    const items = await database.collection("items");
    await items.insertMany(Array.from({ length: 10 }, (_, n) => ({ _id: `i${n}`, n })));
    assert.equal(await items.archive({ n: { $lt: 3 } }, "2024-Q1"), 3);
    assert.equal(await items.archive({ n: 3 }, "2024-Q1"), 1);
    assert.deepEqual(items.listArchiveSegments(), ["archive/archive-2024-Q1.json"]);
    assert.deepEqual(sorted(await items.loadArchive("2024-Q1")), ["i0", "i1", "i2", "i3"]);
    assert.equal((await items.listArchiveSegmentsDetailed())[0].recordCount, 4);
    await assert.rejects(items.loadArchive("2030-Q1"), /Archive segment '2030-Q1' not found/);
  });
  await withDatabase(folder, {}, async (database) => {
    assert.equal(await (await database.collection("items")).count(), 6);
  });
});

check("a schema checks, fills in defaults and counts on after a reopen", async (folder) => {
  const definition = () =>
    defineSchema({
      name: "tasks",
      fields: {
        number: { type: "autoIncrement" },
        title: { type: "string", required: true },
        status: { type: "enum", values: ["open", "done"], default: "open" },
      },
      indexes: ["status"],
    });
  await withDatabase(folder, {}, async (database) => {
    const tasks = await database.collection(definition());
    await tasks.insert({ _id: "one", title: "one" });
    await tasks.insertMany([{ title: "two" }, { title: "three", status: "done" }]);
    await assert.rejects(tasks.insert({ status: "open" }), /title/);
    assert.equal(await tasks.count({ status: "open" }), 2);
  });
  await withDatabase(folder, {}, async (database) => {
    const tasks = await database.collection(definition());
    const id = await tasks.insert({ title: "four" });
    assert.equal((await tasks.findOne(id)).number, 4);
  });
});

check("blobs are written, listed, deleted and go with their record", async (folder) => {
  await withDatabase(folder, {}, async (database) => {
    const files = await database.collection("files");
    await files.insert({ _id: "f", name: "report" });
    await files.writeBlob("f", "a.txt", "plain text");
    await files.writeBlob("f", "b.bin", Buffer.from([0, 255, 10]));
    assert.equal((await files.readBlob("f", "a.txt")).toString(), "plain text");
    assert.deepEqual((await files.listBlobs("f")).sort(), ["a.txt", "b.bin"]);
    await files.deleteBlob("f", "a.txt");
    await files.deleteBlob("f", "b.bin");
    await assert.rejects(files.readBlob("f", "a.txt"), { code: "ENOENT" });
    const record = await files.findOne("f");
    assert.deepEqual([record.name, record._blobs], ["report", undefined]);
  });
  await withDatabase(folder, {}, async (database) => {
    assert.equal(await (await database.collection("files")).count(), 1);
  });
});

check("records with a time to live are hidden and cleaned up", async (folder) => {
  await withDatabase(folder, {}, async (database) => {
    const sessions = await database.collection("sessions");
    await sessions.insert({ _id: "short" }, { ttl: 0.001 });
    await sessions.insert({ _id: "long" }, { ttl: 3600 });
    while ((await sessions.count()) > 1) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await sessions.cleanup(), 1);
    assert.deepEqual(sorted(await sessions.findAll()), ["long"]);
  });
});

check("views, distinct values, optimistic locks and change events work", async (folder) => {
  await withDatabase(folder, {}, async (database) => {
    const items = await database.collection("items");
    const events = [];
    items.on("change", (event) => events.push(event.type));
    items.defineView({ name: "red", filter: { colour: "red" } });
    await items.insertMany([
      { _id: "a", colour: "red" },
      { _id: "b", colour: "blue" },
    ]);
    assert.equal((await items.queryView("red")).total, 1);
    await items.update({ _id: "b" }, { $set: { colour: "red" } }, { expectedVersion: 1 });
    assert.equal((await items.queryView("red")).total, 2);
    await assert.rejects(items.update({ _id: "b" }, { $set: { n: 1 } }, { expectedVersion: 1 }));
    assert.deepEqual(items.distinct("colour").values, ["red"]);
    assert.deepEqual(new Set(events), new Set(["insert", "update"]));
  });
});

check("collections are listed, evicted, reopened, exported, dropped and purged", async (folder) => {
  await withDatabase(folder, { maxOpenCollections: 2 }, async (database) => {
    for (const name of ["one", "two", "three", "four"]) {
      await (await database.collection(name)).insert({ _id: name });
    }
    assert.equal((await (await database.collection("one")).findOne("one"))._id, "one");
    const exported = await database.export();
    assert.equal(Object.keys(exported.collections).length, 4);
    await database.dropCollection("two");
    await database.purgeCollection("two");
    assert.equal((await database.stats()).totalRecords, 3);
  });
  const names = await readdir(join(folder, "collections"));
  assert.deepEqual(names.sort(), ["four", "one", "three"]);
});

check("checkpoints leave snapshot files only and a read-only database follows", async (folder) => {
  await withDatabase(folder, { checkpointThreshold: 10 }, async (database) => {
    const items = await database.collection("items");
    for (let n = 0; n < 35; n++) await items.insert({ _id: `i${n}` });
    const snapshots = await readdir(join(folder, "collections", "items", "snapshots"));
    assert.ok(snapshots.every((name) => /^snap-\d+\.jsonl(\..*\.tmp)?$/.test(name)));
    await withDatabase(folder, { readOnly: true }, async (reader) => {
      const seen = await reader.collection("items");
      assert.equal(await seen.count(), 35);
      await items.insert({ _id: "late" });
      assert.equal((await seen.tail()).length, 1);
      assert.equal(await seen.count(), 36);
      await assert.rejects(seen.insert({ _id: "no" }), /Store is read-only\. Cannot perform mutations\./);
    });
  });
});
