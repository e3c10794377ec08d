/**
 * Opens a database that may have been written by another version of opslog, works on it if it is told to (`WORK`, a
 * word that ends up in the records), and tells all that is in it, as it reads after opening it once more.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AgentDB } from "@backloghq/agentdb";
import { check } from "./harness.mjs";

const [folder, storageMode] = process.argv.slice(2);
const options = { storageMode, diskThreshold: 3 };

async function work(word) {
  const database = await AgentDB.open(folder, options);
  const notes = await database.collection("notes");
  await notes.insertMany([1, 2, 3].map((n) => ({ _id: `${word}-${n}`, title: `${word} ${n}`, stars: n })));
  await notes.update({ _id: "n1" }, { $set: { touched: word } });
  await notes.deleteById(`${word}-3`);
  await notes.insert({ _id: "undone", title: "never" });
  await notes.undo();
  await notes.writeBlob("n1", `${word}.txt`, `written by ${word}`);
  await notes.insert({ _id: `${word}-old`, title: "old" });
  await notes.archive({ _id: `${word}-old` }, "2024-Q1");
  await notes.update({ _id: `${word}-2` }, { $inc: { stars: 5 } });
  await database.close();
}

async function describe() {
  const database = await AgentDB.open(folder, options);
  const collections = {};
  for (const { name } of await database.listCollections()) {
    const collection = await database.collection(name);
    const records = await collection.findAll();
    const blobs = {};
    for (const { _id } of records) {
      for (const blob of (await collection.listBlobs(_id)).sort()) {
        blobs[`${_id}/${blob}`] = (await collection.readBlob(_id, blob)).toString("base64");
      }
    }
    const archives = {};
    for (const path of collection.listArchiveSegments()) {
      archives[path] = await collection.loadArchive(/archive-(.*)\.json$/.exec(path)[1]);
    }
    const schema = (await database.loadPersistedSchema(name)) ?? null;
    const histories = records.map(({ _id }) => collection.history(_id));
    collections[name] = { records, blobs, archives, schema, histories };
  }
  await database.close();
  return collections;
}

check("folder", async () => {
  if (process.env.WORK !== undefined) await work(process.env.WORK);
  const found = await describe();
  const locks = (await readdir(join(folder, "collections", "notes"))).filter((name) => name.endsWith("lock"));
  return { found, locks };
});
