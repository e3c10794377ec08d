/** The command line itself: where options may stand, and what is said of a wrong one. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { commands } from "../../cli/commands/index.mjs";
import { Store } from "../../index.mjs";
import { cli, cliJson, exampleFolder } from "../helpers/cli.mjs";
import { contents, temporaryFolder } from "../helpers/store-folder.mjs";

test("options before the command, are taken as behind it, also those with a value", async (t) => {
  const folder = await exampleFolder(t);
  const behind = await cli(t, ["ls", folder, "--json", "--limit", "1"]);
  t.is(behind.status, 0);
  for (const args of [
    ["--json", "ls", folder, "--limit", "1"],
    ["--limit", "1", "--json", "ls", folder],
    ["--json", "--limit=1", "ls", folder],
    ["-n", "1", "--json", "ls", folder],
  ])
    t.deepEqual(await cli(t, args), behind, args.join(" "));
  t.deepEqual(await cli(t, ["--help", "ls"]), await cli(t, ["ls", "--help"]));
  const { status, stderr } = await cli(t, ["--json", "get", folder, "none"]);
  t.is(status, 1);
  t.is(JSON.parse(stderr).error.code, "OPSLOG_NOT_FOUND");
});

test("a mistyped command or option, is answered with the nearest one", async (t) => {
  for (const [typed, meant] of [
    ["histroy", "history"],
    ["stat", "stats"],
    ["LS", "ls"],
    ["verfy", "verify"],
    ["delete", "rm"],
    ["list", "ls"],
    ["comp", "compact"],
  ]) {
    const { status, stderr } = await cli(t, [typed, "x"]);
    t.is(status, 2);
    t.is(stderr, `opslog: there is no command "${typed}"; did you mean "${meant}"?\nTry "opslog --help".\n`);
  }
  for (const [typed, meant] of [
    ["--jsno", "--json"],
    ["--limt", "--limit"],
    ["--wher", "--where"],
  ]) {
    const { status, stderr } = await cli(t, ["ls", "x", typed]);
    t.is(status, 2);
    t.is(stderr, `opslog: there is no option ${typed}; did you mean "${meant}"?\nTry "opslog ls --help".\n`);
  }
  t.notRegex((await cli(t, ["zzzzzz", "x"])).stderr, /did you mean/);
  t.notRegex((await cli(t, ["x".repeat(100_000), "x"])).stderr, /did you mean/);
});

test("an option without its value, or with one that it does not take, is told", async (t) => {
  t.regex((await cli(t, ["ls", "x", "--limit"])).stderr, /^opslog: --limit needs a value\n/);
  t.regex((await cli(t, ["ls", "x", "--limit", "--json"])).stderr, /"--limit needs a value"/);
  t.regex((await cli(t, ["ls", "x", "--help=5"])).stderr, /^opslog: --help takes no value\n/);
  const folder = await exampleFolder(t);
  const sorted = await cliJson(t, ["ls", folder, "--sort", "-name"]);
  t.deepEqual(
    sorted.values.map(({ id }) => id),
    ["cyd", "ada"],
  );
});

test("an id that begins with a dash, stands behind --", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("-x", { n: 1 });
  await store.close();
  t.is((await cli(t, ["get", folder, "--", "-x"])).status, 0);
  const { status, stderr } = await cli(t, ["get", folder, "-x"]);
  t.is(status, 2);
  t.regex(stderr, /stands behind "--"/);
});

test("every command, given a file where a folder is wanted, says so in a sentence and leaves it", async (t) => {
  const folder = await exampleFolder(t);
  const before = await contents(folder);
  const rest = {
    get: ["a"],
    history: ["a"],
    diff: ["a", "1h"],
    at: ["1h"],
    set: ["a", "1"],
    rm: ["a"],
    revert: ["1h"],
    find: ["a=1"],
  };
  for (const name of Object.keys(commands).filter((name) => !commands[name].isOfNoFolder)) {
    const operands = { ...rest, backup: [`${folder}-2`], recover: [`${folder}-2`] }[name] ?? [];
    const { status, stderr } = await cli(t, [name, join(folder, "manifest.json"), ...operands], {
      input: "",
    });
    t.is(status, 1, name);
    t.is(
      stderr,
      `opslog: ${join(folder, "manifest.json")} is a file. A store is a folder with a manifest.json in it: try ${folder}.\n`,
    );
    const below = await cli(t, [name, join(folder, "manifest.json", "below"), ...operands], { input: "" });
    t.is(below.status, 1, name);
    t.notRegex(below.stderr, /^opslog: E(NOTDIR|XIST)[^\n]*\n.*ENOTDIR/s, name);
  }
  t.deepEqual(await contents(folder), before);
});

test("a time without a zone, is one in UTC, whatever the zone of the machine", async (t) => {
  const folder = await exampleFolder(t);
  const [{ ts }] = (await cliJson(t, ["log", folder])).values;
  const time = ts.replace("Z", "");
  for (const TZ of ["UTC", "Asia/Tokyo", "America/New_York"]) {
    const { values } = await cliJson(t, ["log", folder, "--until", time], { env: { TZ } });
    t.true(values.length >= 1 && values.every((operation) => operation.ts <= ts), TZ);
  }
});

test("the examples in the help of each command, one after the other, end with 0", async (t) => {
  const cwd = await temporaryFolder(t);
  const store = new Store();
  await store.open(join(cwd, "data"), { checkpointOnClose: false });
  await store.set("task-1", { title: "Buy milk", done: false, due: "2026-01-31" });
  await store.set("task-1", { title: "Buy milk", done: true, due: "2026-01-31" });
  await store.set("task-2", { title: "Call Ada", done: false });
  await store.close();
  await writeFile(join(cwd, "task.json"), '{"title":"Write"}');
  await writeFile(join(cwd, "records.jsonl"), '{"id":"r","data":{"n":1}}\n');
  await writeFile(join(cwd, "people.csv"), "id,updated\nada,2026-01-31\n");
  // Those that take records away come last, and those that need a damaged store or go on for ever are left out.
  const last = ["rm", "revert", "undo"];
  const names = Object.keys(commands).filter((name) => name !== "ui");
  const lines = [...names.filter((name) => !last.includes(name)), ...last].flatMap((name) =>
    commands[name].examples.map((line) => [name, line]),
  );
  await mkdir(join(cwd, "damaged"));
  await store.open(join(cwd, "damaged"));
  await store.close();
  t.true(lines.length > 30);
  const made = new Set();
  for (const [name, line] of lines) {
    if (line.includes("--follow") || line.includes("| jq") || name === "revert") continue;
    const [command] = line.split(" | ");
    const to = / (\.\/copy|\.\/new|--to \S+)/.exec(command)?.[1];
    if (to !== undefined && made.has(to)) continue;
    made.add(to);
    const [text, from] = command.replace(/ > .*/, "").split(" < ");
    const args = [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
    const input = from === undefined ? undefined : '{"title":"Write"}';
    const { status, stderr } = await cli(t, args, { cwd, input });
    if (name === "undo") t.true(status <= 1, line);
    else if (name === "diff" || name === "at") t.true(status <= 1, `${line}: ${stderr}`);
    else t.is(status, 0, `${line}: ${stderr}`);
  }
});
