import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import fc from "fast-check";
import document from "../../lib/fs/document.js";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const { readDocument } = document;

const byMembers = { wholeLimitBytes: -1 };

async function fileOf(t, text) {
  const file = path.join(await temporaryFolder(t), "document.json");
  if (text !== undefined) await fs.writeFile(file, text);
  return file;
}

test("readDocument(), member by member, with any segment in any layout, gives what JSON.parse() gives", async (t) => {
  const file = await fileOf(t);
  const ids = fc.oneof(
    fc.string(),
    fc.constantFrom("__proto__", "records", '"', "{", "}", ",", ":", "\\", "é"),
  );
  const segment = fc.record({
    period: fc.string(),
    records: fc.dictionary(ids, fc.jsonValue(), { noNullPrototype: true }),
    extra: fc.jsonValue(),
    nested: fc.constant({ records: { a: [1, { b: "," }] } }),
  });
  await fc.assert(
    fc.asyncProperty(segment, fc.constantFrom(0, 2, "\t"), async (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      await fs.writeFile(file, text);
      const read = await readDocument(file, byMembers);
      t.is(JSON.stringify(read), JSON.stringify(JSON.parse(text)));
    }),
    { numRuns: 400 },
  );
  t.pass();
});

test("readDocument(), member by member, with members across the pieces that are read, gives them back", async (t) => {
  const records = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [`é${n}`, '"\\é😀'.repeat(20_000 + n)]),
  );
  const file = await fileOf(t, JSON.stringify({ version: 1, records }, null, 2));
  const read = await readDocument(file, byMembers);
  t.deepEqual({ ...read.records }, records);
});

test("readDocument(), member by member, of a damaged document, rejects with a SyntaxError", async (t) => {
  for (const text of [
    '{"records":{"a":1}',
    '{"records":{"a":tru}}',
    '{"records":{"a"}}',
    '{"a":"x',
    '{"a":1 2}',
  ]) {
    await t.throwsAsync(readDocument(await fileOf(t, text), byMembers), { instanceOf: SyntaxError }, text);
  }
});
