import fs from "node:fs/promises";
import path from "node:path";
import { isMainThread } from "node:worker_threads";
import test from "ava";
import backendModule from "../../lib/fs/backend.js";
import { original } from "../helpers/original.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const { FsBackend, isPlainFsBackend } = backendModule;

const windows = process.platform === "win32";
const posix = windows ? test.skip : test;
// A worker has no current folder of its own to change.
const alone = isMainThread ? test.serial : test.serial.skip;

/** A folder with both backends on it. */
async function backends(t) {
  const folder = await temporaryFolder(t);
  const ours = new FsBackend();
  const theirs = new original.FsBackend();
  await ours.initialize(folder, { readOnly: false });
  await theirs.initialize(folder, { readOnly: false });
  return { folder, ours, theirs };
}

/** Collects what is printed with console.error meanwhile. Only for tests that run alone. */
async function printed(work) {
  const lines = [];
  const { error } = console;
  console.error = (...args) => lines.push(args.join(" "));
  try {
    return { result: await work(), lines };
  } finally {
    console.error = error;
  }
}

const set = (id, data, more) => ({
  ts: "2020-01-01T00:00:00.000Z",
  op: "set",
  id,
  prev: null,
  data,
  ...more,
});
const ids = (ops) => ops.map((op) => op.id);
const manifest = {
  version: 1,
  currentSnapshot: "snapshots/snap-1.jsonl",
  activeOps: "ops/ops-1.jsonl",
  archiveSegments: [],
  stats: { activeRecords: 0, archivedRecords: 0, opsCount: 0, created: "t", lastCheckpoint: "t" },
};
const noTemporaries = async (t, folder) =>
  t.deepEqual(
    (await fs.readdir(folder, { recursive: true })).filter((name) => name.endsWith(".tmp")),
    [],
  );

// initialize()

test("initialize(), on a new folder, creates the folders of a store", async (t) => {
  const { folder } = await backends(t);
  t.deepEqual((await fs.readdir(folder)).sort(), ["archive", "ops", "snapshots"]);
});

test("initialize(), read-only, writes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  await new FsBackend().initialize(folder, { readOnly: true });
  t.deepEqual(await fs.readdir(folder), []);
});

alone("initialize(), with a relative folder, means the folder of that moment", async (t) => {
  const folder = await temporaryFolder(t);
  const before = process.cwd();
  t.teardown(() => process.chdir(before));
  process.chdir(folder);
  const backend = new FsBackend();
  await backend.initialize("store", { readOnly: false });
  process.chdir("/");
  const created = await backend.createOpsFile();
  await fs.access(path.join(folder, "store", created));
  t.pass();
});

test("initialize(), called for a second folder, moves the backend there", async (t) => {
  const { folder, ours } = await backends(t);
  await ours.initialize(path.join(folder, "second"), { readOnly: false });
  await ours.writeBlob("x", Buffer.from("1"));
  await fs.access(path.join(folder, "second", "x"));
  t.pass();
});

test("initialize(), where a file is in the way, rejects with OPSLOG_IO", async (t) => {
  const folder = await temporaryFolder(t);
  await fs.writeFile(path.join(folder, "file"), "");
  const error = await t.throwsAsync(
    new FsBackend().initialize(path.join(folder, "file"), { readOnly: false }),
    {
      code: "OPSLOG_IO",
    },
  );
  t.is(error.syscall, "mkdir");
  t.true(["ENOTDIR", "EEXIST"].includes(error.cause.code));
});

// Manifest

test("readManifest(), without a manifest, returns null", async (t) => {
  const { ours } = await backends(t);
  t.is(await ours.readManifest(), null);
  t.is(await ours.getManifestVersion(), null);
});

test("writeManifest(), then readManifest() of either package, gives it back", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  await ours.writeManifest({ ...manifest, ours: 1 });
  t.deepEqual(await ours.readManifest(), { ...manifest, ours: 1 });
  t.deepEqual(await theirs.readManifest(), { ...manifest, ours: 1 });
  t.is(await ours.getManifestVersion(), await theirs.getManifestVersion());
  t.is(
    await fs.readFile(path.join(folder, "manifest.json"), "utf8"),
    JSON.stringify({ ...manifest, ours: 1 }, null, 2),
  );
  await noTemporaries(t, folder);
});

test("readManifest(), of a manifest that cannot be read, rejects with OPSLOG_IO", async (t) => {
  const { folder, ours } = await backends(t);
  await fs.mkdir(path.join(folder, "manifest.json"));
  const error = await t.throwsAsync(ours.readManifest(), { code: "OPSLOG_IO" });
  t.is(error.cause.code, "EISDIR");
  t.is(error.errno, error.cause.errno);
});

test("readManifest(), of a damaged manifest, rejects as 0.8.1 does, with OPSLOG_CORRUPT and the path", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const file = path.join(folder, "manifest.json");
  for (const text of ["", "{", "[]", JSON.stringify({ ...manifest, version: 0 })]) {
    await fs.writeFile(file, text);
    const error = await t.throwsAsync(ours.readManifest(), { code: "OPSLOG_CORRUPT" });
    const expected = await t.throwsAsync(theirs.readManifest());
    // Of an empty one that says too little.
    t.true(error.message.startsWith(expected.message));
    t.is(error.message === expected.message, text !== "");
    t.is(error.name, expected.name);
    t.is(error.path, file);
  }
});

// Snapshots

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

// Log

test("createOpsFile(), many at once, gives each a file of its own", async (t) => {
  const { folder, ours } = await backends(t);
  const created = await Promise.all(Array.from({ length: 12 }, () => ours.createOpsFile()));
  t.is(new Set(created).size, 12);
  t.deepEqual((await ours.listOpsFiles()).sort(), created.sort());
  t.is((await fs.readdir(path.join(folder, "ops"))).length, 12);
});

test("createAgentOpsFile(), with a usable id, names the file after the agent", async (t) => {
  const { ours } = await backends(t);
  t.regex(await ours.createAgentOpsFile("agent-7 é"), /^ops\/agent-agent-7 é-\d+\.jsonl$/);
});

test("createAgentOpsFile(), with an id that cannot be a file name, rejects and creates nothing", async (t) => {
  const { folder, ours } = await backends(t);
  for (const id of ["", "a/b", "a\\b", "../x", ".a", "a\0b", "a\nb", "\u0085", "\ud800", "é".repeat(76)]) {
    await t.throwsAsync(ours.createAgentOpsFile(id), {
      code: "OPSLOG_INVALID_ARGUMENT",
      instanceOf: RangeError,
      message: /agentId/,
    });
  }
  await t.throwsAsync(ours.createAgentOpsFile(7), { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: TypeError });
  t.deepEqual(await fs.readdir(path.join(folder, "ops")), []);
});

test("appendOps(), once and again, writes the bytes of 0.8.1", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const ops = [set("a", { text: "é\u2028" }), set("b", [1]), { ...set("a"), op: "delete", prev: { x: 1 } }];
  for (const [backend, name] of [
    [ours, "ops/ops-1.jsonl"],
    [theirs, "ops/ops-2.jsonl"],
  ]) {
    await backend.appendOps(name, ops.slice(0, 1));
    await backend.appendOps(name, ops);
  }
  const read = (name) => fs.readFile(path.join(folder, name), "utf8");
  t.is(await read("ops/ops-1.jsonl"), await read("ops/ops-2.jsonl"));
  t.deepEqual(await ours.readOps("ops/ops-1.jsonl"), await theirs.readOps("ops/ops-1.jsonl"));
});

test("appendOps(), without operations, does not touch the file", async (t) => {
  const { folder, ours } = await backends(t);
  await ours.appendOps("ops/ops-1.jsonl", []);
  t.deepEqual(await fs.readdir(path.join(folder, "ops")), []);
});

test("appendOps(), many at once without awaiting, keeps the order of the calls", async (t) => {
  const { ours } = await backends(t);
  await Promise.all(
    Array.from({ length: 50 }, (_, n) => ours.appendOps("ops/ops-1.jsonl", [set(`r${n}`, n)])),
  );
  t.deepEqual(
    ids(await ours.readOps("ops/ops-1.jsonl")),
    Array.from({ length: 50 }, (_, n) => `r${n}`),
  );
});

test("appendOps(), with 200,000 operations, writes them all", async (t) => {
  const { ours } = await backends(t);
  const ops = Array.from({ length: 200_000 }, (_, n) => set(`r${n}`, n));
  await ours.appendOps("ops/ops-1.jsonl", ops);
  t.is((await ours.readOps("ops/ops-1.jsonl")).length, 200_000);
});

test("appendOps(), behind a torn line, sets that aside and loses nothing", async (t) => {
  const { folder, ours } = await backends(t);
  const file = path.join(folder, "ops", "ops-1.jsonl");
  await ours.appendOps("ops/ops-1.jsonl", [set("a", 1)]);
  await fs.appendFile(file, '{"ts":"2020","op":"set","id":"é');
  await ours.appendOps("ops/ops-1.jsonl", [set("b", 2)]);
  t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), ["a", "b"]);
  t.is(await fs.readFile(`${file}.torn`, "utf8"), '{"ts":"2020","op":"set","id":"é\n');
  t.deepEqual(await ours.listOpsFiles(), ["ops/ops-1.jsonl"]);
});

test("appendOps(), behind a whole line without its newline, gives it one", async (t) => {
  const { folder, ours } = await backends(t);
  const file = path.join(folder, "ops", "ops-1.jsonl");
  await fs.writeFile(file, JSON.stringify(set("a", 1)));
  await ours.appendOps("ops/ops-1.jsonl", [set("b", 2)]);
  t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), ["a", "b"]);
  await t.throwsAsync(fs.access(`${file}.torn`), { code: "ENOENT" });
});

test.serial("appendOps(), behind a batch that was cut off, sets the whole batch aside", async (t) => {
  const { folder, ours } = await backends(t);
  const file = path.join(folder, "ops", "ops-1.jsonl");
  const more = { batch: "more" };
  await ours.appendOps("ops/ops-1.jsonl", [set("a", 1), set("b", 1, more), set("c", 1, more)]);
  await fs.appendFile(file, '{"ts":');
  t.deepEqual(ids((await printed(() => ours.readOps("ops/ops-1.jsonl"))).result), ["a"]);
  await ours.appendOps("ops/ops-1.jsonl", [set("d", 1)]);
  t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), ["a", "d"]);
  t.deepEqual(ids((await printed(() => ours.readOps("ops/ops-1.jsonl.torn"))).result), []);
  t.is((await fs.readFile(`${file}.torn`, "utf8")).split("\n").length, 4);
});

test("appendOps(), behind data that looks like a batch's marker, cuts nothing", async (t) => {
  const { ours } = await backends(t);
  await ours.appendOps("ops/ops-1.jsonl", [set("a", { batch: "more" })]);
  await ours.appendOps("ops/ops-1.jsonl", [set("b", { text: '"batch":"more"' })]);
  await ours.appendOps("ops/ops-1.jsonl", [set("c", 1)]);
  t.deepEqual(ids(await ours.readOps("ops/ops-1.jsonl")), ["a", "b", "c"]);
});

test("appendOps(), with a value that JSON cannot hold, rejects and leaves the file as it was", async (t) => {
  const { folder, ours } = await backends(t);
  await ours.appendOps("ops/ops-1.jsonl", [set("a", 1)]);
  const before = await fs.readFile(path.join(folder, "ops/ops-1.jsonl"));
  await t.throwsAsync(ours.appendOps("ops/ops-1.jsonl", [set("b", 1), set("c", 1n)]), {
    instanceOf: TypeError,
  });
  t.deepEqual(await fs.readFile(path.join(folder, "ops/ops-1.jsonl")), before);
});

posix("appendOps(), on a full disk, rejects with OPSLOG_IO and Node's code as the cause's", async (t) => {
  const { folder, ours } = await backends(t);
  if ((await fs.stat("/dev/full").catch(() => null)) === null) return t.pass();
  await fs.rm(path.join(folder, "ops"), { recursive: true });
  await fs.symlink("/dev", path.join(folder, "ops"));
  const error = await t.throwsAsync(ours.appendOps("ops/full", [set("a", 1)]), { code: "OPSLOG_IO" });
  t.is(error.cause.code, "ENOSPC");
  t.is(error.syscall, "write");
});

posix("appendOps(), on a symbolic link, rejects and does not follow it", async (t) => {
  const { folder, ours } = await backends(t);
  const victim = path.join(folder, "victim");
  await fs.writeFile(victim, "mine");
  await fs.symlink(victim, path.join(folder, "ops", "ops-1.jsonl"));
  const error = await t.throwsAsync(ours.appendOps("ops/ops-1.jsonl", [set("a", 1)]), { code: "OPSLOG_IO" });
  t.is(error.cause.code, "ELOOP");
  t.is(await fs.readFile(victim, "utf8"), "mine");
});

test("readOps(), of a missing log, returns none", async (t) => {
  const { ours } = await backends(t);
  t.deepEqual(await ours.readOps("ops/ops-1.jsonl"), []);
});

test("readOps(), of a log that cannot be read, rejects with OPSLOG_IO", async (t) => {
  const { folder, ours } = await backends(t);
  await fs.mkdir(path.join(folder, "ops", "ops-1.jsonl"));
  const error = await t.throwsAsync(ours.readOps("ops/ops-1.jsonl"), { code: "OPSLOG_IO" });
  t.is(error.cause.code, "EISDIR");
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

test("writeManifest(), of any document, writes the bytes of 0.8.1", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const read = () => fs.readFile(path.join(folder, "manifest.json"), "utf8");
  for (const more of [
    { a: [], b: {}, c: [[], {}] },
    { text: "a\nb\u2028\ud800", n: 1e21 },
    { gone: undefined },
  ]) {
    await ours.writeManifest({ ...manifest, ...more });
    const written = await read();
    await theirs.writeManifest({ ...manifest, ...more });
    t.is(written, await read());
  }
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

// Archive

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

// Blobs

test("blobs, written, are read, listed, read in part and deleted as by 0.8.1", async (t) => {
  const { ours, theirs } = await backends(t);
  const content = Buffer.from("0123456789");
  await ours.writeBlob("a/b/c.bin", content);
  await ours.writeBlob("./a//b/d.bin", Buffer.from("d"));
  t.deepEqual(await ours.readBlob("a/b/c.bin"), content);
  for (const backend of [ours, theirs]) {
    t.deepEqual((await backend.listBlobs("a/b/")).sort(), ["c.bin", "d.bin"]);
    t.deepEqual((await backend.listBlobs("")).sort(), ["a", "archive", "ops", "snapshots"]);
    t.deepEqual(await backend.listBlobs("nowhere"), []);
    t.deepEqual(await backend.listBlobs("a/b/c.bin"), []);
    for (const [offset, length] of [
      [0, 3],
      [8, 5],
      [10, 1],
      [99, 1],
      [4, 0],
    ]) {
      const expected = content.subarray(offset, offset + length);
      t.deepEqual(await backend.readBlobRange("a/b/c.bin", offset, length), expected);
    }
  }
  await ours.deleteBlob("a/b/c.bin");
  await ours.deleteBlob("a/b/c.bin");
  t.deepEqual(await ours.listBlobs("a/b"), ["d.bin"]);
  await ours.deleteBlobDir("a");
  await ours.deleteBlobDir("a");
  t.deepEqual(await ours.listBlobs("a"), []);
});

test("writeBlob(), over a longer blob, leaves nothing of it", async (t) => {
  const { ours } = await backends(t);
  await ours.writeBlob("x", Buffer.from("longer"));
  await ours.writeBlob("x", Buffer.from("new"));
  t.is((await ours.readBlob("x")).toString(), "new");
});

test("readBlob(), of a missing blob, rejects with Node's ENOENT", async (t) => {
  const { ours } = await backends(t);
  await t.throwsAsync(ours.readBlob("x/y"), { code: "ENOENT" });
  await t.throwsAsync(ours.readBlobRange("x/y", 0, 1), { code: "ENOENT" });
});

test("readBlobRange(), with a negative offset or length, rejects with 0.8.1's message", async (t) => {
  const { ours } = await backends(t);
  for (const [offset, length] of [
    [-1, 1],
    [0, -1],
  ]) {
    await t.throwsAsync(ours.readBlobRange("x", offset, length), {
      message: "readBlobRange: offset and length must be non-negative",
    });
  }
});

test("readBlobRange(), with a length beyond all memory, reads to the end", async (t) => {
  const { ours } = await backends(t);
  await ours.writeBlob("x", Buffer.from("abc"));
  t.is((await ours.readBlobRange("x", 1, Number.MAX_SAFE_INTEGER)).toString(), "bc");
});

const blobCalls = {
  writeBlob: (backend, name) => backend.writeBlob(name, Buffer.from("x")),
  readBlob: (backend, name) => backend.readBlob(name),
  readBlobRange: (backend, name) => backend.readBlobRange(name, 0, 1),
  listBlobs: (backend, name) => backend.listBlobs(name),
  deleteBlob: (backend, name) => backend.deleteBlob(name),
  deleteBlobDir: (backend, name) => backend.deleteBlobDir(name),
};

for (const [method, call] of Object.entries(blobCalls)) {
  test(`${method}(), with a path outside the store, or its lock or manifest, rejects`, async (t) => {
    const { folder, ours } = await backends(t);
    await ours.writeManifest(manifest);
    await fs.writeFile(path.join(folder, ".lock"), "1");
    const bad = [
      "..",
      "../x",
      "a/../../x",
      "a/..",
      "/etc",
      path.join(folder, "ops"),
      "a\0b",
      ".lock",
      "./manifest.json",
    ];
    if (method !== "listBlobs") bad.push("", ".", "./", "//");
    for (const name of bad) {
      await t.throwsAsync(
        call(ours, name),
        { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: RangeError },
        name,
      );
    }
    await t.throwsAsync(call(ours, 7), { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: TypeError });
    t.deepEqual((await fs.readdir(folder)).sort(), [".lock", "archive", "manifest.json", "ops", "snapshots"]);
  });
}

posix("writeBlob(), on a symbolic link, rejects and does not follow it", async (t) => {
  const { folder, ours } = await backends(t);
  const victim = path.join(folder, "victim");
  await fs.writeFile(victim, "mine");
  await fs.symlink(victim, path.join(folder, "blob"));
  await t.throwsAsync(ours.writeBlob("blob", Buffer.from("x")), { code: "ELOOP" });
  t.is(await fs.readFile(victim, "utf8"), "mine");
});

test("paths, as a manifest may name them, that leave the folder, are refused", async (t) => {
  const { ours } = await backends(t);
  for (const name of ["../x", "/etc/passwd", "ops/../../x", ""]) {
    const expectation = { code: "OPSLOG_INVALID_ARGUMENT" };
    await t.throwsAsync(ours.loadSnapshot(name), expectation);
    await t.throwsAsync(ours.readOps(name), expectation);
    await t.throwsAsync(ours.appendOps(name, [set("a", 1)]), expectation);
    await t.throwsAsync(ours.truncateLastOp(name), expectation);
    await t.throwsAsync(ours.loadArchiveSegment(name), expectation);
  }
});

// Locks

test("acquireLock(), twice, rejects with OPSLOG_LOCKED; after releaseLock() it works again", async (t) => {
  const { folder, ours } = await backends(t);
  const handle = await ours.acquireLock();
  t.is(await fs.readFile(path.join(folder, ".lock"), "utf8"), String(process.pid));
  await t.throwsAsync(ours.acquireLock(), {
    code: "OPSLOG_LOCKED",
    message: new RegExp(`^Store is locked by process ${process.pid}\\. It is this very process`),
  });
  await ours.releaseLock(handle);
  await ours.releaseLock(handle);
  await t.throwsAsync(fs.access(path.join(folder, ".lock")), { code: "ENOENT" });
  await ours.releaseLock(await ours.acquireLock());
});

test("releaseLock(), after initialize() for another folder, releases the folder that was locked", async (t) => {
  const { folder, ours } = await backends(t);
  const handle = await ours.acquireLock();
  await ours.initialize(path.join(folder, "second"), { readOnly: false });
  await ours.releaseLock(handle);
  await t.throwsAsync(fs.access(path.join(folder, ".lock")), { code: "ENOENT" });
});

test("acquireLock(), beside temporary files, removes those that no process holds, whatever number is in their names", async (t) => {
  const { folder, ours } = await backends(t);
  const left = [
    "snapshots/snap-1.jsonl.2147483646-1.tmp",
    `snapshots/snap-1.jsonl.${process.pid}-1.tmp`,
    "archive/archive-q.json.1-1.tmp",
    `manifest.json.${process.pid}-99.tmp`,
  ];
  const blobs = ["notes.2147483646-1.tmp", "snapshots/notes.tmp"];
  for (const name of [...left, ...blobs]) await fs.writeFile(path.join(folder, name), "");
  await ours.releaseLock(await ours.acquireLock());
  for (const name of left) await t.throwsAsync(fs.access(path.join(folder, name)), { code: "ENOENT" }, name);
  for (const name of blobs) await t.notThrowsAsync(fs.access(path.join(folder, name)), name);
});

test("acquireLock() again and again, beside manifests, snapshots and segments that are being written, takes nothing away", async (t) => {
  const { folder, ours } = await backends(t);
  let isOver = false;
  const locking = (async () => {
    while (!isOver) await ours.releaseLock(await ours.acquireLock());
  })();
  const records = new Map(Array.from({ length: 300 }, (_, n) => [`r${n}`, { n }]));
  for (let round = 0; round < 15; round++) {
    await ours.writeManifest(manifest);
    await ours.loadSnapshot(await ours.writeSnapshot(records, 1));
    await ours.writeArchiveSegment(`q${round}`, records);
  }
  isOver = true;
  await locking;
  const names = await fs.readdir(folder, { recursive: true });
  t.deepEqual(
    names.filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("acquireCompactionLock(), twice, rejects with 0.8.1's message and OPSLOG_LOCKED", async (t) => {
  const { folder, ours } = await backends(t);
  const handle = await ours.acquireCompactionLock();
  t.is(await fs.readFile(path.join(folder, ".compact-lock"), "utf8"), String(process.pid));
  await t.throwsAsync(ours.acquireCompactionLock(), {
    code: "OPSLOG_LOCKED",
    message: "Compaction lock held by another agent",
  });
  await ours.releaseCompactionLock(handle);
  await t.throwsAsync(fs.access(path.join(folder, ".compact-lock")), { code: "ENOENT" });
});

// Failures

test("writes, where a folder of the store is gone, reject with OPSLOG_IO and Node's code as the cause's", async (t) => {
  const { folder, ours } = await backends(t);
  for (const name of ["snapshots", "ops", "archive"]) {
    await fs.rm(path.join(folder, name), { recursive: true });
    await fs.writeFile(path.join(folder, name), "in the way");
  }
  const writes = [
    () => ours.writeSnapshot(new Map(), 1),
    () => ours.createOpsFile(),
    () => ours.createAgentOpsFile("a"),
    () => ours.writeArchiveSegment("x", new Map()),
    () => ours.appendOps("ops/ops-1.jsonl", [set("a", 1)]),
  ];
  for (const write of writes) {
    const error = await t.throwsAsync(write(), { code: "OPSLOG_IO" });
    // Windows tells some calls that there is no such path.
    t.true(["ENOTDIR", windows && "ENOENT"].includes(error.cause.code), error.cause.code);
    t.is(error.message, error.cause.message);
  }
});

// isPlainFsBackend()

test("isPlainFsBackend(), with an FsBackend as it is delivered, returns true", (t) => {
  t.true(isPlainFsBackend(new FsBackend()));
  t.true(isPlainFsBackend(Object.assign(new FsBackend(), { label: "mine" })));
});

test("isPlainFsBackend(), with a subclass, a wrapper, a proxy or a patched object, returns false", (t) => {
  class Sub extends FsBackend {}
  const patched = new FsBackend();
  patched.appendOps = async () => {};
  const other = {};
  t.false(isPlainFsBackend(new Sub()));
  t.false(isPlainFsBackend(Object.create(new FsBackend())));
  t.false(isPlainFsBackend(new Proxy(new FsBackend(), {})));
  t.false(isPlainFsBackend(Object.create(FsBackend.prototype)));
  t.false(isPlainFsBackend(patched));
  t.false(isPlainFsBackend(new original.FsBackend()));
  t.false(isPlainFsBackend(other));
  t.false(isPlainFsBackend(undefined));
});

test.serial("isPlainFsBackend(), with a method of the class replaced, returns false", (t) => {
  const { readOps } = FsBackend.prototype;
  const backend = new FsBackend();
  FsBackend.prototype.readOps = async () => [];
  try {
    t.false(isPlainFsBackend(backend));
  } finally {
    FsBackend.prototype.readOps = readOps;
  }
  t.true(isPlainFsBackend(backend));
});

test("initialize() and acquireLock() of a proxy and a derived object of an FsBackend, work as they do", async (t) => {
  for (const derive of [(backend) => new Proxy(backend, {}), (backend) => Object.create(backend)]) {
    const folder = await temporaryFolder(t);
    const derived = derive(new FsBackend());
    await derived.initialize(folder, { readOnly: false });
    const log = await derived.createOpsFile();
    await derived.appendOps(log, [set("a", 1)]);
    t.deepEqual(ids(await derived.readOps(log)), ["a"]);
    await derived.releaseLock(await derived.acquireLock());
  }
});

test("a proxy and a derived object of an FsBackend, work as it does", async (t) => {
  const { ours } = await backends(t);
  await ours.writeBlob("x", Buffer.from("1"));
  t.is((await new Proxy(ours, {}).readBlob("x")).toString(), "1");
  t.is((await Object.create(ours).readBlob("x")).toString(), "1");
});
