/** Archive segments through FsBackend. */
import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import { backends, noTemporaries } from "../helpers/fs-backends.mjs";

test("writeArchiveSegment(), new and again, writes the bytes of 0.8.1", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const first = new Map([
    ["b", { list: [], text: "a\nb", deep: { x: [1, { y: {} }] } }],
    ["10", null],
    ["__proto__", { z: 1 }],
    ["gone", undefined],
  ]);
  const second = new Map([
    ["2", "two"],
    ["b", 1],
  ]);
  for (const [backend, period] of [
    [ours, "ours"],
    [theirs, "mine"],
  ]) {
    t.is(await backend.writeArchiveSegment(period, first), `archive/archive-${period}.json`);
    await backend.writeArchiveSegment(period, second);
  }
  const read = async (name) =>
    (await fs.readFile(path.join(folder, "archive", name), "utf8")).replace(/"timestamp": "[^"]*"/, "");
  t.is(await read("archive-ours.json"), (await read("archive-mine.json")).replace('"mine"', '"ours"'));
  t.deepEqual(
    [...(await ours.loadArchiveSegment("archive/archive-mine.json"))],
    [...(await theirs.loadArchiveSegment("archive/archive-ours.json"))],
  );
  t.deepEqual((await ours.listArchiveSegments()).sort(), (await theirs.listArchiveSegments()).sort());
  await noTemporaries(t, folder);
});

test("writeArchiveSegment(), without records, writes the bytes of 0.8.1", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  await ours.writeArchiveSegment("ours", new Map([["a", undefined]]));
  await theirs.writeArchiveSegment("mine", new Map());
  const read = async (name) => (await fs.readFile(path.join(folder, "archive", name), "utf8")).split("\n");
  const lines = await read("archive-ours.json");
  t.deepEqual(lines.slice(-2), (await read("archive-mine.json")).slice(-2));
});

test("writeArchiveSegment(), onto a damaged segment, rejects and leaves it as it is", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const file = path.join(folder, "archive", "archive-x.json");
  for (const text of ["{", '{"version":0}']) {
    await fs.writeFile(file, text);
    const error = await t.throwsAsync(ours.writeArchiveSegment("x", new Map()), { code: "OPSLOG_CORRUPT" });
    t.is(error.message, (await t.throwsAsync(theirs.loadArchiveSegment("archive/archive-x.json"))).message);
    t.is(await fs.readFile(file, "utf8"), text);
  }
});

test("writeArchiveSegment(), with a period that cannot be a file name, rejects", async (t) => {
  const { ours } = await backends(t);
  for (const period of ["", "a/b", "..", ".x", "a\0", "x".repeat(151)]) {
    await t.throwsAsync(ours.writeArchiveSegment(period, new Map()), { code: "OPSLOG_INVALID_ARGUMENT" });
  }
});

test("loadArchiveSegment(), of a missing segment, rejects with Node's ENOENT", async (t) => {
  const { ours } = await backends(t);
  await t.throwsAsync(ours.loadArchiveSegment("archive/archive-x.json"), { code: "ENOENT" });
});
