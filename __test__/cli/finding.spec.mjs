/** `opslog find`, and the conditions, order and fields of `opslog ls`. */
import test from "ava";
import { Store } from "../../index.mjs";
import { cli, cliJson, cliOnTerminal, hasTerminal } from "../helpers/cli.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

async function tasks(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("t1", { title: "Buy milk", due: 3, tags: ["home"], who: { name: "Ada" } });
  await store.set("t2", { title: "Write report", due: 1, tags: ["work", "text"], who: { name: "Bob" } });
  await store.set("t3", { title: "Call Ada", due: 2, tags: [], code: "5" });
  await store.set("t4", "no object");
  await store.close();
  return folder;
}

test("find and ls --where, find by comparisons, patterns and queries, all of which must hold", async (t) => {
  const folder = await tasks(t);
  for (const [conditions, expected] of [
    [["due=3"], "t1"],
    [["due!=3"], "t2 t3 t4"],
    [["due>1"], "t1 t3"],
    [["due>=2", "due<3"], "t3"],
    [["due<=1"], "t2"],
    [["title~^b"], "t1"],
    [["who.name=Ada"], "t1"],
    [["tags=home"], "t1"],
    [["code=5"], "t3"],
    [['code="5"'], "t3"],
    [['{"tags":{"$size":2}}'], "t2"],
    [['{"$or":[{"due":1},{"due":2}]}', "title~ada"], "t3"],
    [["{}"], "t1 t2 t3 t4"],
    [["due=99"], ""],
  ]) {
    const found = await cliJson(t, ["find", folder, ...conditions]);
    t.is(found.status, 0, found.stderr);
    t.is(found.values.map(({ id }) => id).join(" "), expected, conditions.join(" "));
    const where = conditions.flatMap((condition) => ["--where", condition]);
    t.deepEqual((await cliJson(t, ["ls", folder, ...where])).values, found.values);
  }
  const later = new Date(Date.now() + 60_000).toISOString();
  const at = (...args) => cliJson(t, ["at", folder, later, ...args]);
  t.deepEqual((await at("--where", "due>1", "--sort", "due", "--fields", "due")).values, [
    { id: "t3", data: { due: 2 } },
    { id: "t1", data: { due: 3 } },
  ]);
  const exported = await cli(t, ["export", folder, "--where", "due>1", "--format", "csv"]);
  t.is(exported.stdout.split("\n").length, 4);
  t.true(exported.stdout.startsWith("id,title,due,tags,who,code\nt1,"));
  t.deepEqual(
    (await cliJson(t, ["export", folder, "--where", "due=2"])).values.map(({ id }) => id),
    ["t3"],
  );
  t.is((await cli(t, ["export", folder, "--where", "due"])).status, 2);
  t.is((await cli(t, ["find", folder, "due>1", "--count"])).stdout, "2\n");
  t.deepEqual((await cliJson(t, ["find", folder, "due>1", "--count"])).values, [{ count: 2 }]);
});

test("a condition or query that is wrong, ends with 2 and names the place", async (t) => {
  const folder = await tasks(t);
  for (const [condition, message] of [
    ["due", /a condition is a query such as/],
    ["{due:1}", /the query \{due:1\} is no JSON/],
    ['{"due":{"$in":5}}', /query\.due\.\$in/],
    ["title~(", /pattern|[Rr]egular expression/],
  ]) {
    const { status, stderr } = await cli(t, ["find", folder, condition]);
    t.is(status, 2, condition);
    t.regex(stderr, message);
  }
  t.is((await cli(t, ["ls", folder, "--sort", "a,,b"])).status, 2);
  t.is((await cli(t, ["ls", folder, "--skip", "-1"])).status, 2);
});

test("--sort, --fields, --limit and --skip, order, choose and bound", async (t) => {
  const folder = await tasks(t);
  const ids = async (...args) =>
    (await cliJson(t, ["ls", folder, ...args])).values.map(({ id }) => id).join(" ");
  t.is(await ids("--sort", "due"), "t4 t2 t3 t1");
  t.is(await ids("--sort", "-due", "--limit", "2"), "t1 t3");
  t.is(await ids("--sort", "-due", "--limit", "2", "--skip", "1"), "t3 t2");
  t.is(await ids("--skip", "3"), "t4");
  t.is(await ids("--filter", "who.name=Ada", "--sort", "due"), "t1");
  t.is(await ids("--where", "due>0", "--filter", "tags=[]"), "t3");
  t.is(await ids("--limit", "all"), "t1 t2 t3 t4");
  const { values } = await cliJson(t, ["ls", folder, "--fields", "title,who.name"]);
  t.deepEqual(values[0], { id: "t1", data: { title: "Buy milk", "who.name": "Ada" } });
  t.deepEqual(values[3], { id: "t4", data: {} });
  t.is(
    (await cli(t, ["ls", folder, "--fields", "title,due,tags", "--where", "due>0", "--sort", "due"])).stdout,
    [
      "id  title         due  tags",
      't2  Write report  1    ["work","text"]',
      "t3  Call Ada      2    []",
      't1  Buy milk      3    ["home"]',
      "3 of 4 records",
      "",
    ].join("\n"),
  );
  t.regex(
    (await cli(t, ["find", folder, "due>0", "--limit", "1"])).stdout,
    /\n1 of 3 that match, of 4 records\n$/,
  );
});

const onTerminal = hasTerminal ? test : test.skip;

onTerminal(
  "on a terminal, ls, find, at, log and history show a hundred rows and say how to see all; elsewhere all",
  async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, { writeMode: "async", checkpointThreshold: Infinity, checkpointOnClose: false });
    for (let n = 0; n < 150; n++) store.set("one", { n });
    for (let n = 0; n < 250; n++) store.set(`id-${n}`, { n });
    await store.close();
    const after = new Date(Date.now() + 60_000).toISOString();
    for (const [args, rows, note] of [
      [["ls", folder], 100, /^100 of 251 records; "--limit all" shows all$/],
      [["ls", folder, "--limit", "all"], 251, /^251 records$/],
      [["ls", folder, "--limit", "7"], 7, /^7 of 251 records$/],
      [["ls", folder, "--fields", "n"], 100, /^100 of 251 records; "--limit all" shows all$/],
      [["find", folder, "n>=0"], 100, /^100 of 251 records; "--limit all" shows all$/],
      [["find", folder, "n>=100"], 100, /^100 of 151 that match, of 251 records; "--limit all" shows all$/],
      [["at", folder, after], 100, /^100 of 251 records; "--limit all" shows all$/],
      [["log", folder], 100, /^100 operations, the last ones; "--all" shows all$/],
      [["log", folder, "--all"], 400, /^400 operations$/],
      [["log", folder, "--last", "3"], 3, /^3 operations$/],
      [["log", folder, "--limit", "120"], 120, /^120 operations$/],
      [["history", folder, "one"], 101, /^100 operations, the last ones; "--all" shows all$/],
      [["history", folder, "one", "--all"], 151, /^150 operations$/],
    ]) {
      const { shown } = await cliOnTerminal(t, args, { env: { NO_COLOR: "1" } });
      const lines = shown.trimEnd().split("\r\n");
      t.is(lines.length, rows + 2, args.slice(2).join(" ") + args[0]);
      t.regex(lines.at(-1), note);
    }
    t.is((await cli(t, ["ls", folder])).stdout.split("\n").length, 251 + 3);
    t.is((await cliJson(t, ["log", folder])).values.length, 400);
    const { shown } = await cliOnTerminal(t, ["ls", folder, "--json"], { env: { NO_COLOR: "1" } });
    t.is(shown.trimEnd().split("\r\n").length, 251);
  },
);
