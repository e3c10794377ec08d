/** The command line when a person or a process ends it, or what reads from it goes away; and on a terminal. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { commands } from "../../cli/commands/index.mjs";
import { Store } from "../../index.mjs";
import { cli, cliJson, cliOnTerminal, exampleFolder, hasTerminal, startCli } from "../helpers/cli.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { contents, currentSnapshot, temporaryFolder } from "../helpers/store-folder.mjs";

test("export, its reader goes away early, ends quietly", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { writeMode: "async" });
  for (let n = 0; n < 20_000; n++) store.set(`id-${n}`, { n, text: "x".repeat(200) });
  await store.close();
  for (const command of ["export", "ls"]) {
    const child = startCli(t, [command, folder]);
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += text));
    await once(child.stdout, "data");
    child.stdout.destroy();
    const [status, signal] = await once(child, "exit");
    t.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: "" });
  }
});

test("verify and repair of a damaged store, their reader gone before they print, end with 1 all the same", async (t) => {
  const folder = await exampleFolder(t);
  const snapshot = await currentSnapshot(folder);
  await writeFile(snapshot, "{}\n");
  for (const args of [
    ["verify", folder],
    ["verify", folder, "--json"],
    ["repair", folder],
  ]) {
    const child = startCli(t, args);
    child.stdout.destroy();
    t.deepEqual(await once(child, "exit"), [1, null], args.join(" "));
  }
});

test("every command, its reader gone before it prints, does its work and says nothing on stderr", async (t) => {
  const folder = await exampleFolder(t);
  const other = await temporaryFolder(t);
  const rest = {
    find: ["done=true"],
    get: ["ada"],
    history: ["ada"],
    diff: ["ada", "1h"],
    at: ["1s"],
    set: ["dan", "1"],
    rm: ["dan"],
    revert: ["1h", "--id", "cyd"],
    backup: [join(other, "copy")],
    recover: [join(other, "new")],
    import: ["/dev/null"],
    completion: ["bash"],
  };
  const names = Object.keys(commands).filter((name) => name !== "ui");
  for (const name of names) {
    const { isOfNoFolder } = commands[name];
    const child = startCli(t, [name, ...(isOfNoFolder ? [] : [folder]), ...(rest[name] ?? [])]);
    child.stdout.destroy();
    child.stdin.end();
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += text));
    const [status] = await once(child, "close");
    t.deepEqual({ status, stderr }, { status: 0, stderr: "" }, name);
  }
  t.is((await cli(t, ["verify", join(other, "copy")])).status, 0);
});

test("log --follow, prints what a writer does through its checkpoints, and Ctrl-C ends it quietly", async (t) => {
  const folder = await exampleFolder(t);
  const writer = await openInProcess(t, folder, { checkpointThreshold: 1000 });
  const child = startCli(t, ["log", folder, "--follow", "--json", "--id", "ada"]);
  let printed = "";
  let stderr = "";
  child.stderr.on("data", (text) => (stderr += text));
  child.stdout.setEncoding("utf8");
  const lines = async (count) => {
    while (printed.split("\n").length <= count) printed += (await once(child.stdout, "data"))[0];
  };
  await lines(2);
  await writer.call("set", "ada", { n: 1 });
  await lines(3);
  await writer.call("compact");
  await writer.call("set", "other", { n: 2 });
  await writer.call("set", "ada", { n: 3 });
  await lines(4);
  const ended = once(child, "exit");
  child.kill("SIGINT");
  const [status, signal] = await ended;
  t.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: "" });
  const operations = printed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  t.deepEqual(
    operations.map(({ id, data }) => [id, data.n]),
    [
      ["ada", undefined],
      ["ada", undefined],
      ["ada", 1],
      ["ada", 3],
    ],
  );
});

test("log --follow, its reader goes away, ends quietly at the next line", async (t) => {
  const folder = await exampleFolder(t);
  const writer = await openInProcess(t, folder, { checkpointThreshold: 1000 });
  const child = startCli(t, ["log", folder, "-f"]);
  await once(child.stdout, "data");
  child.stdout.destroy();
  const ended = once(child, "exit");
  await writer.call("set", "ada", { n: 1 });
  t.deepEqual(await ended, [0, null]);
});

test("log --follow, ended by Ctrl-C or by kill, has written nothing", async (t) => {
  const folder = await exampleFolder(t);
  const before = await contents(folder);
  for (const signal of ["SIGINT", "SIGTERM"]) {
    const child = startCli(t, ["log", folder, "-f"]);
    await once(child.stdout, "data");
    const ended = once(child, "exit");
    child.kill(signal);
    t.deepEqual(await ended, [0, null]);
    t.deepEqual(await contents(folder), before);
  }
});

if (!hasTerminal) console.error("SKIPPED: the tests on a terminal need python3 and no Windows");
const terminalTest = hasTerminal ? test : test.skip;

async function largeFolder(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { writeMode: "async", groupCommitSize: 1000 });
  for (let n = 0; n < 20_000; n++) store.set(`id-${n}`, { n, text: "text ".repeat(200) });
  await store.close();
  return folder;
}

terminalTest(
  "on a terminal, long work draws a bar and takes it away, and lines are as wide as the terminal",
  async (t) => {
    const folder = await largeFolder(t);
    for (const [args, verb] of [
      [["verify", folder], "checking"],
      [["backup", folder, join(await temporaryFolder(t), "copy")], "copying"],
      [["export", folder, "--to", join(await temporaryFolder(t), "file")], "exporting"],
      [["compact", folder], "writing the snapshot"],
    ]) {
      const { status, shown } = await cliOnTerminal(t, args);
      t.is(status, 0, shown);
      const drawn = shown.split("\r\u001b[K");
      t.true(drawn.length > 2, args[0]);
      const bars = drawn.slice(1, -1).filter((text) => text.startsWith(verb));
      t.true(bars.length > 0, JSON.stringify(drawn));
      for (const bar of bars) t.regex(bar, /^[a-z ]+ \[#*\.*\] +\d+% of [\d.,]+ \w+$/);
      for (const bar of drawn.slice(1, -1)) t.true(bar.length < 80, bar);
      t.notRegex(drawn.at(-1), /\d%/);
    }
    const { shown } = await cliOnTerminal(t, ["ls", folder, "--limit", "5"]);
    t.true(shown.startsWith("\u001b[1mid"));
    for (const line of shown.split("\r\n").slice(1, 6)) t.true(line.length <= 80 && line.endsWith("…"), line);
  },
);

terminalTest(
  "on a terminal too narrow for all of an operation, no colour is cut in the middle",
  async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, { checkpointOnClose: false });
    const id = "123e4567-e89b-42d3-a456-426614174000";
    await store.set(id, { n: 1 });
    await store.delete(id);
    await store.close();
    const { shown } = await cliOnTerminal(t, ["log", folder]);
    t.regex(shown, /delete {2}123e4567-\S+ {2}-\r\n/);
    const codes = shown
      .split("\u001b")
      .slice(1)
      .map((text) => /^\[\d+m/.exec(text)?.[0]);
    t.deepEqual(codes, ["[1m", "[0m", "[1m", "[0m", "[1m", "[0m", "[1m", "[0m", "[2m", "[0m"]);
  },
);

terminalTest("on a terminal, ids and values cannot command it", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  const id = "id\u001b]0;title\u0007\u009b2J\r\u202e";
  await store.set(id, { [id]: id });
  await store.close();
  for (const args of [
    ["ls", folder],
    ["get", folder, id],
    ["log", folder],
    ["history", folder, id],
    ["get", folder, `${id}x`],
  ]) {
    const { shown } = await cliOnTerminal(t, args);
    let own = shown.replaceAll("\r\n", "\n");
    for (const code of [0, 1, 2, 31, 32]) own = own.replaceAll(`\u001b[${code}m`, "");
    t.true(own.includes("id\\u001b]0;title\\u0007"), args[0]);
    t.notRegex(own, /[^\P{Cc}\n]|\u202e/u, args[0]);
  }
});

test("import, ended by Ctrl-C, keeps what it told, leaves a sound store, and the next one completes it", async (t) => {
  const folder = join(await temporaryFolder(t), "store");
  const lines = Array.from({ length: 6000 }, (_, n) => JSON.stringify({ id: `id-${n}`, data: { n } }));
  let kept = 0;
  for (let round = 0; round < 2; round++) {
    const child = startCli(t, ["import", folder, "--progress"]);
    let stderr = "";
    child.stderr.setEncoding("utf8");
    child.stdin.on("error", () => {});
    child.stdin.write(`${lines.slice(round * 2500, (round + 1) * 2500).join("\n")}\n`);
    while (!stderr.includes("importing")) stderr += (await once(child.stderr, "data"))[0];
    child.stderr.on("data", (text) => (stderr += text));
    const ended = once(child, "close");
    child.kill("SIGINT");
    t.deepEqual(await ended, [1, null], stderr);
    const [, told] = /opslog: ended after importing ([\d,]+) records\n$/.exec(stderr) ?? [];
    t.truthy(told, stderr);
    t.true((await Store.verify(folder)).ok);
    const { values } = await cliJson(t, ["stats", folder]);
    kept += Number(told.replace(",", ""));
    t.is(values[0].records, kept);
    t.is(values[0].writer, null);
  }
  t.is((await cli(t, ["import", folder], { input: lines.join("\n") })).status, 0);
  t.is((await cliJson(t, ["stats", folder])).values[0].records, 6000);
});

test("backup, ended by Ctrl-C, leaves no half copy and the store as it was", async (t) => {
  const folder = await largeFolder(t);
  const before = await contents(folder);
  const to = join(await temporaryFolder(t), "copy");
  const child = startCli(t, ["backup", folder, to, "--progress", "--json"]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  await once(child.stderr, "data");
  const ended = once(child, "close");
  child.kill("SIGINT");
  const [status] = await ended;
  // The signal may come when the last byte is copied, or end a process that has told so and is about to go.
  if (stdout !== "") t.true((await Store.verify(to)).ok);
  else {
    t.is(status, 1);
    t.deepEqual(await contents(to).catch(() => ({})), {});
    t.is(JSON.parse(stderr.trim().split("\n").at(-1)).error.code, "ENDED");
  }
  t.deepEqual(await contents(folder), before);
  t.is((await cli(t, ["backup", folder, `${to}-2`])).status, 0);
});
