import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import stream from "../../lib/records/snapshot-stream.js";
import { original } from "../helpers/original.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const { streamSnapshotFile } = stream;

/** Everything that a generator yields and returns. */
async function drain(generator) {
  const entries = [];
  for (;;) {
    const { done, value } = await generator.next();
    if (done) return { entries, result: value };
    entries.push(value);
  }
}

async function snapshot(t, text) {
  const folder = await temporaryFolder(t);
  await fs.writeFile(path.join(folder, "snap.jsonl"), text);
  return folder;
}

const lines = [
  '{"version":4,"timestamp":"t"}',
  '{"id":"b","data":{"é":1}}',
  '{"id":"a","data":[]}',
  '{"id":"b"}',
];
const legacy = { version: 2, timestamp: "t", records: { z: 1, 5: { x: [] } } };

for (const [what, text] of [
  ["lines", `${lines.join("\n")}\n`],
  ["lines without a last newline", lines.join("\n")],
  ["lines with CR LF and blanks", `${lines.join("\r\n\r\n \r\n")}\r\n`],
  ["a header only", `${lines[0]}\n`],
  ["an old document on one line", JSON.stringify(legacy)],
  ["an old document on many lines", JSON.stringify(legacy, null, 2)],
]) {
  test(`streamSnapshotFile(), of a file with ${what}, yields and returns what 0.8.1 does`, async (t) => {
    const folder = await snapshot(t, text);
    const expected = await drain(original.streamSnapshotFile(folder, "snap.jsonl"));
    t.deepEqual(await drain(streamSnapshotFile(folder, "snap.jsonl")), expected);
  });
}

test("streamSnapshotFile(), with U+2028 and U+2029 inside a record, splits lines at newlines only", async (t) => {
  const record = { id: "a\u2028", data: { text: "x\u2028y\u2029z\u0085" } };
  const folder = await snapshot(t, `${lines[0]}\n${JSON.stringify(record)}\n`);
  const { entries, result } = await drain(streamSnapshotFile(folder, "snap.jsonl"));
  t.deepEqual(entries, [[record.id, record.data]]);
  t.deepEqual(result, { version: 4 });
});

test("streamSnapshotFile(), with characters across the pieces that are read, decodes them", async (t) => {
  const texts = Array.from({ length: 40 }, (_, n) => "é日😀".repeat(9000 + n));
  const records = texts.map((data, n) => JSON.stringify({ id: `r${n}`, data }));
  const folder = await snapshot(t, [lines[0], ...records].join("\n"));
  const { entries } = await drain(streamSnapshotFile(folder, "snap.jsonl"));
  t.deepEqual(
    entries.map(([, data]) => data),
    texts,
  );
});

test("streamSnapshotFile(), with a damaged line, yields what is before it and rejects with OPSLOG_CORRUPT", async (t) => {
  const first = `${lines[0]}\n${lines[1]}\n`;
  const folder = await snapshot(t, `${first}{"id":"x"`);
  const error = await t.throwsAsync(drain(streamSnapshotFile(folder, "snap.jsonl")), {
    code: "OPSLOG_CORRUPT",
  });
  t.is(error.offset, Buffer.byteLength(first));
  t.is(
    error.message,
    (await t.throwsAsync(drain(original.streamSnapshotFile(folder, "snap.jsonl")))).message,
  );
});

test("streamSnapshotFile(), of a missing file, rejects with Node's ENOENT", async (t) => {
  const folder = await temporaryFolder(t);
  await t.throwsAsync(drain(streamSnapshotFile(folder, "snap.jsonl")), { code: "ENOENT" });
});

test("streamSnapshotFile(), with a signal that is aborted, rejects with its reason", async (t) => {
  const folder = await snapshot(t, lines.join("\n"));
  const reason = new Error("enough");
  const before = streamSnapshotFile(folder, "snap.jsonl", { signal: AbortSignal.abort(reason) });
  t.is(await t.throwsAsync(before.next()), reason);
  const controller = new AbortController();
  const running = streamSnapshotFile(folder, "snap.jsonl", { signal: controller.signal });
  t.deepEqual((await running.next()).value, ["b", { é: 1 }]);
  controller.abort(reason);
  t.is(await t.throwsAsync(running.next()), reason);
});

test("streamSnapshotFile(), left before its end, closes the file", async (t) => {
  const folder = await snapshot(t, `${lines.join("\n")}\n`);
  const open = async () => (await fs.readdir("/proc/self/fd").catch(() => [])).length;
  const before = await open();
  for (let round = 0; round < 50; round += 1) {
    for await (const [id] of streamSnapshotFile(folder, "snap.jsonl")) {
      t.is(id, "b");
      break;
    }
  }
  t.true((await open()) < before + 25);
});
