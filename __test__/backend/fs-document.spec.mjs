import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import fc from "fast-check";
import backendModule from "../../lib/fs/backend.js";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const { FsBackend } = backendModule;

/** A backend, and a function that loads a segment of this text. */
async function segments(t) {
  const folder = await temporaryFolder(t);
  const backend = new FsBackend();
  await backend.initialize(folder, { readOnly: false });
  const load = async (text) => {
    await fs.writeFile(path.join(folder, "archive", "archive-x.json"), text);
    return backend.loadArchiveSegment("archive/archive-x.json");
  };
  return { backend, load };
}

test("loadArchiveSegment(), of any segment in any layout, gives what JSON.parse() gives", async (t) => {
  const { load } = await segments(t);
  const ids = fc.oneof(
    fc.string(),
    fc.constantFrom("__proto__", "records", '"', "{", "}", ",", ":", "\\", "é"),
  );
  const segment = fc.record({
    version: fc.constant(1),
    period: fc.string({ minLength: 1 }),
    timestamp: fc.constant("t"),
    records: fc.dictionary(ids, fc.jsonValue(), { noNullPrototype: true }),
    extra: fc.jsonValue(),
    nested: fc.constant({ records: { a: [1, { b: "," }] } }),
  });
  await fc.assert(
    fc.asyncProperty(segment, fc.constantFrom(0, 2, "\t"), async (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const read = await load(text);
      t.is(JSON.stringify([...read]), JSON.stringify(Object.entries(JSON.parse(text).records)));
    }),
    { numRuns: 400 },
  );
  t.pass();
});

test("loadArchiveSegment(), with members across the pieces that are handed over, gives them back", async (t) => {
  const { load } = await segments(t);
  const records = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [`é${n}`, '"\\é😀'.repeat(20_000 + n)]),
  );
  const segment = { version: 1, period: "x", timestamp: "t", records };
  t.deepEqual(Object.fromEntries(await load(JSON.stringify(segment, null, 2))), records);
});

test("loadArchiveSegment(), of a damaged segment, rejects with V8's own words", async (t) => {
  const { load } = await segments(t);
  for (const text of [
    '{"records":{"a":1}',
    '{"records":{"a":tru}}',
    '{"records":{"a"}}',
    '{"a":"x',
    '{"a":1 2}',
  ]) {
    const { message } = t.throws(() => JSON.parse(text));
    await t.throwsAsync(load(text), { instanceOf: SyntaxError, code: "OPSLOG_CORRUPT", message }, text);
  }
});

test("writeArchiveSegment(), onto a segment in any layout, keeps what it held", async (t) => {
  const { backend, load } = await segments(t);
  const records = { 7: [1.5, "é\u2028"], b: { x: null }, __proto__: 1 };
  const text = JSON.stringify({ version: 1, period: "x", timestamp: "t", records }, null, "\t");
  await load(text);
  await backend.writeArchiveSegment("x", new Map([["c", 1]]));
  const merged = await backend.loadArchiveSegment("archive/archive-x.json");
  t.deepEqual(Object.fromEntries(merged), { ...records, c: 1 });
});
