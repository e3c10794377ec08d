/** Logs through FsBackend: new ones, and appends. */
import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import { posix, backends, printed, set, ids } from "../helpers/fs-backends.mjs";

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
