/** A day with every tool of agentdb: what is called one after the other, and what some of the answers must be. */
import assert from "node:assert/strict";

const notes = { collection: "notes" };
const base64 = (text) => Buffer.from(text).toString("base64");

/** `[tool, arguments, check of the answer?]` */
export const calls = [
  ["db_create", notes, ({ created }) => assert.equal(created, "notes")],
  [
    "db_set_schema",
    {
      ...notes,
      schema: {
        description: "Notes",
        fields: { title: { type: "string", required: true }, stars: { type: "number", default: 0 } },
        indexes: ["stars"],
      },
    },
  ],
  ["db_get_schema", notes, ({ schema }) => assert.equal(schema.description, "Notes")],
  [
    "db_insert",
    { ...notes, record: { _id: "n1", title: "the first note", stars: 1 }, agent: "ann", reason: "a start" },
  ],
  [
    "db_insert",
    {
      ...notes,
      records: [2, 3, 4, 5, 6, 7].map((n) => ({
        _id: `n${n}`,
        title: `note number ${n}`,
        stars: n,
        old: n > 5,
      })),
    },
  ],
  [
    "db_find",
    { ...notes, filter: "stars.gt:2", sort: "-stars", limit: 3 },
    ({ records }) =>
      assert.deepEqual(
        records.map(({ _id }) => _id),
        ["n7", "n6", "n5"],
      ),
  ],
  ["db_find_one", { ...notes, id: "n1" }, ({ record }) => assert.equal(record.stars, 1)],
  ["db_find_one", { ...notes, id: "nowhere" }, ({ record }) => assert.equal(record, null)],
  [
    "db_update",
    {
      ...notes,
      filter: { _id: "n2" },
      update: { $set: { title: "renamed" }, $inc: { stars: 10 }, $push: { tags: "red" } },
    },
    ({ modified }) => assert.equal(modified, 1),
  ],
  [
    "db_upsert",
    { ...notes, id: "n8", record: { title: "eight" } },
    ({ action }) => assert.equal(action, "inserted"),
  ],
  [
    "db_upsert",
    { ...notes, id: "n8", record: { title: "eight again", stars: 8 } },
    ({ action }) => assert.equal(action, "updated"),
  ],
  [
    "db_batch",
    {
      ...notes,
      operations: [
        { op: "insert", record: { _id: "n9", title: "nine" } },
        { op: "delete", id: "n3" },
        { op: "update", filter: { _id: "n4" }, update: { $set: { stars: 40 } } },
      ],
    },
    ({ operations }) => assert.equal(operations, 3),
  ],
  ["db_count", { ...notes, filter: { stars: { $gte: 5 } } }],
  ["db_delete", { ...notes, filter: { _id: "n9" } }, ({ deleted }) => assert.equal(deleted, 1)],
  ["db_undo", notes, ({ undone }) => assert.equal(undone, true)],
  ["db_find_one", { ...notes, id: "n9" }, ({ record }) => assert.equal(record.title, "nine")],
  ["db_history", { ...notes, id: "n2" }, ({ operations }) => assert.equal(operations.length, 2)],
  ["db_distinct", { ...notes, field: "stars" }],
  ["db_schema", notes, ({ sampleCount }) => assert.equal(sampleCount, 8)],
  ["db_diff_schema", { ...notes, schema: { fields: { stars: { type: "number", max: 5 } } } }],
  ["db_infer_schema", notes, ({ totalRecords }) => assert.equal(totalRecords, 8)],
  [
    "db_migrate",
    {
      ...notes,
      ops: [
        { op: "rename", from: "old", to: "ancient" },
        { op: "default", field: "kind", value: "note" },
      ],
      dryRun: true,
    },
  ],
  [
    "db_migrate",
    {
      ...notes,
      ops: [
        { op: "rename", from: "old", to: "ancient" },
        { op: "default", field: "kind", value: "note" },
      ],
    },
    ({ failed }) => assert.equal(failed, 0),
  ],
  ["db_rebuild_text_index", notes],
  ["db_bm25_search", { ...notes, query: "number" }, ({ records }) => assert.ok(records.length > 2)],
  ["db_embed", notes, ({ embedded }) => assert.ok(embedded > 0)],
  [
    "db_semantic_search",
    { ...notes, query: "eight again", limit: 1 },
    ({ records }) => assert.equal(records[0]._id, "n8"),
  ],
  [
    "db_hybrid_search",
    { ...notes, query: "the first note", limit: 1 },
    ({ records }) => assert.equal(records[0]._id, "n1"),
  ],
  ["db_reembed_all", notes, ({ failed }) => assert.equal(failed, 0)],
  [
    "db_vector_upsert",
    { collection: "vectors", id: "v1", vector: [1, 0, 0, 0], metadata: { colour: "red" } },
  ],
  ["db_vector_upsert", { collection: "vectors", id: "v2", vector: [0, 1, 0, 0] }],
  [
    "db_vector_search",
    { collection: "vectors", vector: [1, 0.1, 0, 0], limit: 1 },
    ({ records }) => assert.equal(records[0]._id, "v1"),
  ],
  ["db_blob_write", { ...notes, recordId: "n1", name: "a.txt", content: base64("plain text") }],
  [
    "db_blob_write",
    { ...notes, recordId: "n1", name: "b.bin", content: Buffer.from([0, 255, 10]).toString("base64") },
  ],
  [
    "db_blob_read",
    { ...notes, recordId: "n1", name: "a.txt" },
    ({ content }) => assert.equal(content, base64("plain text")),
  ],
  ["db_blob_delete", { ...notes, recordId: "n1", name: "b.bin" }],
  ["db_blob_list", { ...notes, recordId: "n1" }, ({ blobs }) => assert.deepEqual(blobs, ["a.txt"])],
  [
    "db_archive",
    { ...notes, filter: { ancient: true }, segment: "2024-Q1" },
    ({ archived }) => assert.equal(archived, 2),
  ],
  ["db_archive_list", notes, ({ segments }) => assert.equal(segments[0].recordCount, 2)],
  ["db_archive_load", { ...notes, segment: "2024-Q1" }, ({ count }) => assert.equal(count, 2)],
  ["db_archive_load", { ...notes, segment: "1999-Q1" }, ({ failed }) => assert.match(failed, /not found/)],
  ["db_export", {}, ({ collections }) => assert.equal(collections.notes.records.length, 6)],
  [
    "db_import",
    {
      data: {
        version: 1,
        exportedAt: "-",
        collections: {
          copies: {
            records: [
              { _id: "c1", n: 1 },
              { _id: "c2", n: 2 },
            ],
          },
        },
      },
    },
    ({ inserted }) => assert.equal(inserted, 2),
  ],
  ["db_delete_schema", { collection: "copies" }, ({ deleted }) => assert.equal(deleted, false)],
  ["db_create", { collection: "gone" }],
  ["db_insert", { collection: "gone", record: { _id: "g" } }],
  ["db_drop", { collection: "gone" }],
  ["db_purge", { name: "gone" }],
  [
    "db_collections",
    {},
    ({ collections }) =>
      assert.deepEqual(collections.map(({ name }) => name).sort(), ["copies", "notes", "vectors"]),
  ],
  ["db_stats", {}, ({ collections }) => assert.equal(collections, 3)],
];

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

/** Calls all of them through `call(tool, arguments)`, and returns the answers without the times in them. */
export async function callAll(call) {
  const answers = [];
  for (const [tool, args, check] of calls) {
    const { isError, content, structuredContent } = await call(tool, structuredClone(args));
    const answer = isError ? { failed: content[0].text } : structuredContent;
    try {
      assert.ok(check !== undefined || !isError, answer.failed);
      check?.(answer);
    } catch (error) {
      throw new Error(`${tool} answered ${JSON.stringify(answer)}`, { cause: error });
    }
    answers.push(`${tool}: ${JSON.stringify(answer).replace(TIME, "<time>")}`);
  }
  return answers;
}

/** The names of the tools that are called. */
export const calledTools = [...new Set(calls.map(([tool]) => tool))].sort();

/** What stands for the meaning of a text: how often it has each of four letters. */
export function embed(texts) {
  return texts.map((text) => [..."aeno"].map((letter) => text.split(letter).length));
}

/** Collections in which everything can be searched. */
export const collectionOptions = { notes: { textSearch: true } };
