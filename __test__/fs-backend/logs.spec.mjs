/** Logs through FsBackend: reading, and cutting the last operation. */
import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import { posix, backends, printed, set, ids, manifest } from "../helpers/fs-backends.mjs";

test("readOps(), of a missing log, returns none", async (t) => {
  const { ours } = await backends(t);
  t.deepEqual(await ours.readOps("ops/ops-1.jsonl"), []);
});

test("readOps(), of a log that cannot be read, rejects with OPSLOG_IO", async (t) => {
  const { folder, ours } = await backends(t);
  await fs.mkdir(path.join(folder, "ops", "ops-1.jsonl"));
  const error = await t.throwsAsync(ours.readOps("ops/ops-1.jsonl"), { code: "OPSLOG_IO" });
  t.is(error.cause.code, process.platform === "win32" ? "EPERM" : "EISDIR");
});

for (const [what, text] of [
  ["nothing", ""],
  ["blank lines only", "\n  \n\n"],
  ["malformed lines", 'x\n{"ts":"t","op":"set","id":"a","prev":null,"data":1}\n{}\nnull\n'],
  ["a torn line", '{"ts":"t","op":"set","id":"a","prev":null,"data":1}\n{"ts"'],
  [
    "blank lines between and around",
    '\n \n{"ts":"t","op":"set","id":"a","prev":null,"data":1}\n\n  \n\r\nx\n \n',
  ],
  [
    "CR LF",
    '{"ts":"t","op":"set","id":"a","prev":null,"data":1}\r\n{"ts":"t","op":"delete","id":"a","prev":{}}\r\n',
  ],
  ["a byte order mark", '\ufeff{"ts":"t","op":"set","id":"a","prev":null,"data":1}\n'],
  ["a U+2028 in a text", '{"ts":"t","op":"set","id":"a","prev":null,"data":"\u2028"}\n'],
]) {
  test.serial(`readOps(), of a log with ${what}, returns and prints what 0.8.1 does`, async (t) => {
    const { folder, ours, theirs } = await backends(t);
    await fs.writeFile(path.join(folder, "ops", "ops-1.jsonl"), text);
    const expected = await printed(() => theirs.readOps("ops/ops-1.jsonl"));
    t.deepEqual(await printed(() => ours.readOps("ops/ops-1.jsonl")), expected);
  });
}

test.serial(
  "readOps(), of a log with several lines of white space at its end, returns and prints what 0.8.1 does",
  async (t) => {
    const { folder, ours, theirs } = await backends(t);
    const line = JSON.stringify(set("a", 1));
    for (const text of [`${line}\n  \n\t\n \r\n`, `${line}\nx\n  \n \n`, ` \n${line}\n`]) {
      await fs.writeFile(path.join(folder, "ops", "ops-1.jsonl"), text);
      const expected = await printed(() => theirs.readOps("ops/ops-1.jsonl"));
      t.deepEqual(await printed(() => ours.readOps("ops/ops-1.jsonl")), expected, text);
    }
  },
);

posix("appendOps(), of a log that is missing, gives it the permissions of the manifest", async (t) => {
  const { folder, ours } = await backends(t);
  await ours.writeManifest(manifest);
  await fs.chmod(path.join(folder, "manifest.json"), 0o600);
  await ours.appendOps("ops/ops-1.jsonl", [set("a", 1)]);
  t.is((await fs.stat(path.join(folder, "ops/ops-1.jsonl"))).mode & 0o777, 0o600);
});

test("appendOps(), of what JSON has no text for, rejects and writes nothing", async (t) => {
  const { folder, ours } = await backends(t);
  const silent = { toJSON: () => undefined };
  await t.throwsAsync(ours.appendOps("ops/ops-1.jsonl", [set("a", 1), silent]), {
    code: "OPSLOG_INVALID_ARGUMENT",
  });
  t.deepEqual(await fs.readdir(path.join(folder, "ops")), []);
});

test("truncateLastOp(), of a missing or empty log, returns false", async (t) => {
  const { ours } = await backends(t);
  t.false(await ours.truncateLastOp("ops/ops-1.jsonl"));
  t.false(await ours.truncateLastOp(await ours.createOpsFile()));
});

for (const length of [10, 4000, 4096, 8192, 65_535, 65_536, 65_537, 200_000]) {
  test(`truncateLastOp(), with last lines of ${length} bytes, cuts exactly one each time`, async (t) => {
    const { folder, ours } = await backends(t);
    const shell = Buffer.byteLength(`${JSON.stringify(set("r0", ""))}\n`);
    const text = "x".repeat(Math.max(0, length - shell));
    for (const n of [0, 1, 2]) await ours.appendOps("ops/ops-1.jsonl", [set(`r${n}`, text)]);
    for (const left of [["r0", "r1"], ["r0"], []]) {
      t.true(await ours.truncateLastOp("ops/ops-1.jsonl"));
      t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), left);
    }
    t.false(await ours.truncateLastOp("ops/ops-1.jsonl"));
    t.is((await fs.stat(path.join(folder, "ops/ops-1.jsonl"))).size, 0);
  });
}

test("truncateLastOp(), with non-ASCII text, keeps the operations before", async (t) => {
  const { ours } = await backends(t);
  for (const n of [0, 1, 2]) await ours.appendOps("ops/ops-1.jsonl", [set(`é${n}`, "日本語".repeat(1000))]);
  await ours.truncateLastOp("ops/ops-1.jsonl");
  t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), ["é0", "é1"]);
});

test("truncateLastOp(), with a torn tail, cuts the last operation and sets the tail aside", async (t) => {
  const { folder, ours } = await backends(t);
  await ours.appendOps("ops/ops-1.jsonl", [set("a", 1), set("b", 1)]);
  await fs.appendFile(path.join(folder, "ops/ops-1.jsonl"), '{"torn');
  t.true(await ours.truncateLastOp("ops/ops-1.jsonl"));
  t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), ["a"]);
  t.is(await fs.readFile(path.join(folder, "ops/ops-1.jsonl.torn"), "utf8"), '{"torn\n');
});

test("truncateLastOp(), with malformed and blank lines at the end, cuts the last operation", async (t) => {
  const { folder, ours } = await backends(t);
  await ours.appendOps("ops/ops-1.jsonl", [set("a", 1), set("b", 1)]);
  await fs.appendFile(path.join(folder, "ops/ops-1.jsonl"), '{"torn{"whole":1}\n\n');
  t.true(await ours.truncateLastOp("ops/ops-1.jsonl"));
  t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), ["a"]);
  t.regex(await fs.readFile(path.join(folder, "ops/ops-1.jsonl.torn"), "utf8"), /torn\{"whole"/);
});

test("truncateLastOp(), inside a batch, leaves the rest of it whole", async (t) => {
  const { folder, ours } = await backends(t);
  await ours.appendOps("ops/ops-1.jsonl", [
    set("a", { batch: "more" }, { batch: "more", cuts: 1 }),
    set("b", { batch: "more" }, { batch: "more" }),
    set("c", 1, { batch: "last" }),
  ]);
  t.true(await ours.truncateLastOp("ops/ops-1.jsonl"));
  const left = await ours.readOps("ops/ops-1.jsonl");
  t.deepEqual(ids(left), ["a", "b"]);
  t.is(left[1].batch, "last");
  t.deepEqual(left[1].data, { batch: "more" });
  t.true(await ours.truncateLastOp("ops/ops-1.jsonl"));
  t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), ["a"]);
  await t.throwsAsync(fs.access(path.join(folder, "ops/ops-1.jsonl.torn")), { code: "ENOENT" });
});
