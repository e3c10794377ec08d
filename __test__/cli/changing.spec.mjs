/** The commands that change records: set, rm and undo. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { cli, cliJson, cliOnTerminal, exampleFolder, hasTerminal } from "../helpers/cli.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { contents, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

const get = async (t, folder, id) => (await cliJson(t, ["get", folder, id])).values[0];

test("set, creates and replaces a record, patches one, and says what became different", async (t) => {
  const folder = await exampleFolder(t);
  const created = await cli(t, ["set", folder, "dan", '{"name":"Dan","tags":["a","b"]}']);
  t.like(created, { status: 0, stdout: "dan: created\n", stderr: "" });
  const patched = await cli(t, ["set", folder, "dan", '{"tags":["a","c","d"],"done":true}', "--patch"]);
  t.is(patched.stdout, 'dan: changed\ntags.1: "b" → "c"\n+tags.2: "d"\n+done: true\n');
  t.deepEqual(await get(t, folder, "dan"), { name: "Dan", tags: ["a", "c", "d"], done: true });
  const { values } = await cliJson(t, ["set", folder, "dan"], { input: '\ufeff"a text"\n' });
  t.deepEqual(values, [{ id: "dan", created: false, data: "a text" }]);
  const same = await cli(t, ["set", folder, "dan", '"a text"']);
  t.like(same, { status: 0, stderr: "opslog: the record was the same before\n" });
  t.true((await Store.verify(folder)).ok);
});

test("set, of what is no JSON, null or no object for --patch, changes nothing", async (t) => {
  const folder = await exampleFolder(t);
  const before = await storedEntries(Store, folder, { readOnly: true });
  const word = await cli(t, ["set", folder, "ada", "hello"]);
  t.is(word.status, 2);
  t.regex(word.stderr, /^opslog: the value is no JSON: .*; a text stands in quotes, '"hello"'\n/);
  for (const [args, status] of [
    [["ada", "{"], 2],
    [["ada", ""], 2],
    [["ada", "null"], 1],
    [["ada", "5", "--patch"], 2],
    [["ada", "1e999"], 1],
  ]) {
    const done = await cli(t, ["set", folder, ...args], { input: "" });
    t.is(done.status, status, `${args.join(" ")}: ${done.stderr}`);
  }
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), before);
});

test("set, of bytes that are no UTF-8, and of no value on a terminal, changes nothing", async (t) => {
  const folder = await exampleFolder(t);
  const latin = await cli(t, ["set", folder, "ada"], { input: Buffer.from('"caf\u00e9"', "latin1") });
  t.like(latin, { status: 1, stdout: "", stderr: "opslog: this is no UTF-8\n" });
  t.like(await cli(t, ["set", ":memory:", "a", "1", "--create"]), { status: 2, stdout: "" });
  if (!hasTerminal) return;
  for (const args of [
    ["set", folder, "ada"],
    ["import", folder],
  ]) {
    const { status, shown } = await cliOnTerminal(t, args);
    t.is(status, 2, args[0]);
    t.regex(shown, /<(value|file)> is missing/);
  }
  t.is((await get(t, folder, "ada")).name, "Ada Lovelace");
});

test("set, where no store is, makes one with --create only", async (t) => {
  const place = await temporaryFolder(t);
  const folder = join(place, "new");
  const refused = await cli(t, ["set", folder, "a", "1"]);
  t.like(refused, {
    status: 1,
    stderr: `opslog: There is no store in ${folder}. --create makes one there.\n`,
  });
  t.deepEqual(await readdir(place), []);
  t.is((await cli(t, ["set", folder, "a", "1", "--create"])).status, 0);
  t.is(await get(t, folder, "a"), 1);
});

test("rm, deletes all of the records that are named, or none", async (t) => {
  const folder = await exampleFolder(t);
  const before = await contents(folder);
  const missing = await cli(t, ["rm", folder, "ada", "none", "cyd"]);
  t.like(missing, { status: 1, stdout: "", stderr: "opslog: there is no record none; none was deleted\n" });
  t.is((await storedEntries(Store, folder, { readOnly: true })).length, 2);
  t.deepEqual(Object.keys(await contents(folder)), Object.keys(before));
  t.deepEqual((await cliJson(t, ["rm", folder, "ada", "none", "ada", "--force"])).values, [{ deleted: 1 }]);
  t.is((await cli(t, ["rm", folder, "cyd"])).stdout, "1 record deleted\n");
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), []);
});

test("undo, takes the last operations back and shows them, as far as the last checkpoint", async (t) => {
  const folder = await exampleFolder(t);
  const one = await cli(t, ["undo", folder]);
  t.is(one.status, 0);
  t.regex(one.stdout, / delete +bob +-\n1 operation taken back\n$/);
  t.deepEqual(
    (await cliJson(t, ["undo", folder, "1"])).values.map(({ op, id }) => [op, id]),
    [["set", "cyd"]],
  );
  const rest = await cli(t, ["undo", folder, "5"]);
  t.is(rest.status, 1);
  t.regex(rest.stdout, /\n1 operation taken back\n$/);
  t.regex(
    rest.stderr,
    /there are no more operations since the last checkpoint; "opslog revert" goes further back/,
  );
  t.is((await get(t, folder, "ada")).name, "Ada");
  t.is((await cli(t, ["undo", folder, "0"])).status, 2);
  t.true((await Store.verify(folder)).ok);
});

test("set, rm and undo with --agent, work beside an agent; without it they are refused, and say why", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openInProcess(t, folder, { agentId: "one" });
  await agent.call("set", "a", { n: 1 });
  for (const args of [
    ["set", folder, "b", "1"],
    ["rm", folder, "a"],
    ["undo", folder],
  ]) {
    const { status, stderr } = await cli(t, args);
    t.is(status, 1, args[0]);
    t.regex(stderr, /^opslog: .*agent/, args[0]);
  }
  const as = ["--agent", "two"];
  t.is((await cli(t, ["set", folder, "b", '{"n":2}', ...as])).status, 0);
  t.is((await cli(t, ["set", folder, "c", '{"n":3}', ...as])).status, 0);
  t.regex((await cli(t, ["undo", folder, ...as])).stdout, / two +set +c /);
  t.is((await cli(t, ["rm", folder, "a", ...as])).status, 0);
  t.deepEqual(
    (await cliJson(t, ["ls", folder])).values.map(({ id }) => id),
    ["b"],
  );
  const ofTwo = (await cliJson(t, ["log", folder, "--agent", "two"])).values;
  t.deepEqual(
    ofTwo.map(({ op, id, agent }) => [op, id, agent]),
    [
      ["set", "b", "two"],
      ["delete", "a", "two"],
    ],
  );
  t.deepEqual((await cliJson(t, ["history", folder, "a", "--agent", "two"])).values[0].operations.length, 1);
});

test("two commands that write at once, both write, or one is told that the store is open", async (t) => {
  const folder = await exampleFolder(t);
  const done = await Promise.all(["x", "y", "z"].map((id) => cli(t, ["set", folder, id, "1"])));
  const written = done.filter(({ status }) => status === 0).length;
  for (const { status, stderr } of done)
    if (status !== 0) t.regex(stderr, /^opslog: The store is open in process \d+/);
  t.true(written >= 1);
  t.is((await storedEntries(Store, folder, { readOnly: true })).length, 2 + written);
  t.true((await Store.verify(folder)).ok);
});
