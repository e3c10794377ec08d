/** Snapshots through FsBackend: those of either package, and older formats. */
import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import { backends, noTemporaries } from "../helpers/fs-backends.mjs";

test("writeSnapshot(), then loadSnapshot() of either package, gives the records back in order", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const records = new Map([
    ["b", { text: "é\u2028\u2029\n" }],
    ["__proto__", { x: 1 }],
    ["2", [1, null]],
    ["1", "text"],
    ["", 0],
    ["\ud800", false],
  ]);
  const name = await ours.writeSnapshot(records, 3);
  t.regex(name, /^snapshots\/snap-\d+\.jsonl$/);
  for (const backend of [ours, theirs]) {
    const loaded = await backend.loadSnapshot(name);
    t.is(loaded.version, 3);
    t.deepEqual([...loaded.records], [...records]);
  }
  await noTemporaries(t, folder);
});

test("writeSnapshot(), with the map changed before it is done, keeps the records of the call", async (t) => {
  const { ours } = await backends(t);
  const records = new Map(Array.from({ length: 50_000 }, (_, n) => [`r${n}`, { n, text: "x".repeat(50) }]));
  const writing = ours.writeSnapshot(records, 1);
  records.clear();
  records.set("late", {});
  const loaded = await ours.loadSnapshot(await writing);
  t.is(loaded.records.size, 50_000);
  t.false(loaded.records.has("late"));
});

test("writeSnapshot(), with a value that JSON cannot hold, rejects and leaves no file", async (t) => {
  const { folder, ours } = await backends(t);
  const cycle = {};
  cycle.self = cycle;
  await t.throwsAsync(ours.writeSnapshot(new Map([["a", cycle]]), 1), { instanceOf: TypeError });
  await t.throwsAsync(ours.writeSnapshot(new Map([["a", 1n]]), 1), { instanceOf: TypeError });
  t.deepEqual(await fs.readdir(path.join(folder, "snapshots")), []);
});

test("writeSnapshot(), many at once, gives each a file of its own", async (t) => {
  const { folder, ours } = await backends(t);
  const written = await Promise.all(
    Array.from({ length: 12 }, (_, n) => ours.writeSnapshot(new Map([["n", n]]), 1)),
  );
  t.is(new Set(written).size, 12);
  for (const [n, name] of written.entries()) {
    t.is((await ours.loadSnapshot(name)).records.get("n"), n);
  }
  t.is((await fs.readdir(path.join(folder, "snapshots"))).length, 12);
});

test("writeSnapshot(), beside a file from the future, is numbered above it", async (t) => {
  const { folder, ours } = await backends(t);
  await fs.writeFile(path.join(folder, "snapshots", "snap-9000000000000.jsonl"), "");
  t.is(await ours.writeSnapshot(new Map(), 1), "snapshots/snap-9000000000001.jsonl");
});

const legacy = { version: 2, timestamp: "t", records: { b: { x: 1 }, 7: "seven", a: { y: "é\u2028" } } };

for (const [format, text] of [
  ["one line", JSON.stringify(legacy)],
  ["one line and a newline", `${JSON.stringify(legacy)}\n`],
  ["many lines", JSON.stringify(legacy, null, 2)],
  ["many lines with CR LF", JSON.stringify(legacy, null, 2).replaceAll("\n", "\r\n")],
]) {
  test(`loadSnapshot(), of an old snapshot as a document on ${format}, reads it as 0.8.1 does`, async (t) => {
    const { folder, ours, theirs } = await backends(t);
    await fs.writeFile(path.join(folder, "snapshots", "snap-1.json"), text);
    const loaded = await ours.loadSnapshot("snapshots/snap-1.json");
    const expected = await theirs.loadSnapshot("snapshots/snap-1.json");
    t.is(loaded.version, expected.version);
    t.deepEqual([...loaded.records], [...expected.records]);
  });
}

test("loadSnapshot(), with blank lines and CR LF between records, reads it as 0.8.1 does", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const text =
    '{"version":1,"timestamp":"t"}\r\n\n  \n\u00a0{"id":"a","data":1}\r\n{"id":"b"}\n{"id":"a","data":2}';
  await fs.writeFile(path.join(folder, "snapshots", "snap-1.jsonl"), text);
  const loaded = await ours.loadSnapshot("snapshots/snap-1.jsonl");
  t.deepEqual([...loaded.records], [...(await theirs.loadSnapshot("snapshots/snap-1.jsonl")).records]);
});

test("loadSnapshot(), with lines longer than what is read at a time, reads them", async (t) => {
  const { ours } = await backends(t);
  const records = new Map([
    ["long", "é".repeat(3 << 20)],
    ["short", 1],
  ]);
  const name = await ours.writeSnapshot(records, 1);
  t.deepEqual((await ours.loadSnapshot(name)).records, records);
});

test("loadSnapshot(), with a truncated record, rejects as 0.8.1 does, with OPSLOG_CORRUPT and the byte", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const head = '{"version":1,"timestamp":"é"}\n{"id":"a","data":1}\n';
  const file = path.join(folder, "snapshots", "snap-1.jsonl");
  await fs.writeFile(file, `${head}{"id":"b","da`);
  const error = await t.throwsAsync(ours.loadSnapshot("snapshots/snap-1.jsonl"), { code: "OPSLOG_CORRUPT" });
  const expected = await t.throwsAsync(theirs.loadSnapshot("snapshots/snap-1.jsonl"));
  t.is(error.message, expected.message);
  t.is(error.cause.name, "SyntaxError");
  t.is(error.path, file);
  t.is(error.offset, Buffer.byteLength(head));
});

test("loadSnapshot(), with a line that is no record, rejects with OPSLOG_CORRUPT", async (t) => {
  const { folder, ours } = await backends(t);
  for (const line of ["null", "1", "{}", '{"id":1,"data":2}']) {
    await fs.writeFile(path.join(folder, "snapshots", "snap-1.jsonl"), `{"version":1}\n${line}\n`);
    await t.throwsAsync(ours.loadSnapshot("snapshots/snap-1.jsonl"), { code: "OPSLOG_CORRUPT" });
  }
});

test("loadSnapshot(), of an empty file, rejects as 0.8.1 does", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  await fs.writeFile(path.join(folder, "snapshots", "snap-1.jsonl"), "");
  const error = await t.throwsAsync(ours.loadSnapshot("snapshots/snap-1.jsonl"), { code: "OPSLOG_CORRUPT" });
  t.is(error.message, (await t.throwsAsync(theirs.loadSnapshot("snapshots/snap-1.jsonl"))).message);
});

test("loadSnapshot(), of a missing file, rejects with Node's ENOENT", async (t) => {
  const { ours } = await backends(t);
  await t.throwsAsync(ours.loadSnapshot("snapshots/snap-1.jsonl"), { code: "ENOENT" });
});
