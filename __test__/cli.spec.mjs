/** The command line: what each command prints and ends with, for people and for programs. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { Store } from "../index.mjs";
import { cli, cliJson, startCli } from "./helpers/cli.mjs";
import { flip, offsetOf } from "./helpers/damage.mjs";
import { original } from "./helpers/original.mjs";
import { openInProcess } from "./helpers/processes.mjs";
import { activeWal, contents, currentSnapshot, temporaryFolder } from "./helpers/store-folder.mjs";

const names = [
  "stats",
  "get",
  "ls",
  "log",
  "history",
  "verify",
  "backup",
  "export",
  "import",
  "compact",
  "repair",
];
const root = fileURLToPath(new URL("..", import.meta.url));

async function exampleFolder(t, Class = Store) {
  const folder = await temporaryFolder(t);
  const store = new Class();
  await store.open(folder, { checkpointThreshold: 1000, checkpointOnClose: false });
  await store.set("ada", { name: "Ada", done: true, address: { city: "London" } });
  await store.set("bob", { name: "Bob", done: false, address: { city: "Paris" } });
  await store.compact();
  await store.set("ada", { name: "Ada Lovelace", done: true, address: { city: "London" } });
  await store.set("cyd", { name: "Cyd", done: false, address: { city: "Paris" } });
  await store.delete("bob");
  await store.close();
  return folder;
}

/** Commands that only read, with arguments. */
const reads = (folder) => [
  ["stats", folder],
  ["get", folder, "ada"],
  ["ls", folder],
  ["log", folder],
  ["history", folder, "ada"],
  ["verify", folder],
  ["export", folder],
];

test("without a command, prints the help and ends with 2; --help and help with 0", async (t) => {
  const bare = await cli(t, []);
  t.is(bare.status, 2);
  for (const args of [["--help"], ["-h"], ["help"]]) {
    t.deepEqual(await cli(t, args), { ...bare, status: 0 });
  }
  for (const name of names) t.true(bare.stdout.includes(`\n  ${name} <folder>`), name);
  t.regex(bare.stdout, /Exit status: 0 done, 1 damaged, missing or failed, 2 wrong command line/);
});

for (const name of names) {
  test(`${name} --help, tells of its options and ends with 0`, async (t) => {
    const help = await cli(t, [name, "--help"]);
    t.is(help.status, 0);
    t.is(help.stderr, "");
    t.true(help.stdout.includes(`Usage: opslog ${name} <folder>`));
    t.true(help.stdout.includes("--json"));
    t.deepEqual(await cli(t, ["help", name]), help);
  });

  test(`${name}, with an unknown option, without a folder or with too much, ends with 2`, async (t) => {
    for (const args of [["x", "--nonsense"], [], ["a", "b", "c", "d"]]) {
      const { status, stdout, stderr } = await cli(t, [name, ...args]);
      t.is(status, 2);
      t.is(stdout, "");
      t.regex(stderr, /^opslog: .+\nTry "opslog \w+ --help"\.\n$/);
    }
  });

  test(`${name}, where no store is, says so, ends with 1 and creates nothing`, async (t) => {
    if (name === "import") return void t.pass();
    const folder = await temporaryFolder(t);
    const operands = { get: ["id"], history: ["id"], backup: [join(folder, "to")] }[name] ?? [];
    for (const place of [folder, join(folder, "nowhere")]) {
      const { status, stdout, stderr } = await cli(t, [name, place, ...operands]);
      t.deepEqual({ status, stdout }, { status: 1, stdout: "" });
      t.regex(stderr, /^opslog: (There is no store in .*|Cannot open .*no existing store found)\n$/);
    }
    const { stderr } = await cliJson(t, [name, folder, ...operands]);
    t.is(JSON.parse(stderr).error.code, "OPSLOG_NO_STORE");
    t.deepEqual(await contents(folder), {});
  });
}

test("an unknown command or option before it, ends with 2", async (t) => {
  for (const args of [["nonsense", "x"], ["--nonsense"], ["__proto__", "x"], ["toString", "x"]]) {
    const { status, stderr } = await cli(t, args);
    t.is(status, 2);
    t.regex(stderr, /there is no (command|option)/);
  }
});

test("--version, prints the package's", async (t) => {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  t.deepEqual(await cli(t, ["--version"]), { status: 0, signal: null, stdout: `${version}\n`, stderr: "" });
});

for (const [kind, Class] of [
  ["this version", Store],
  ["0.8.1", original.Store],
]) {
  test(`stats, get, ls, log, history and export of a folder of ${kind}, show what is there`, async (t) => {
    const folder = await exampleFolder(t, Class);
    const ada = { name: "Ada Lovelace", done: true, address: { city: "London" } };
    const cyd = { name: "Cyd", done: false, address: { city: "Paris" } };

    const stats = await cliJson(t, ["stats", folder]);
    t.is(stats.status, 0);
    t.like(stats.values[0], { records: 2, operations: 3, version: 1, agents: [], writer: null });
    t.true(stats.values[0].snapshotBytes > 0 && stats.values[0].logBytes > 0);
    t.regex(
      (await cli(t, ["stats", folder])).stdout,
      /^records +2\noperations +3 since the last checkpoint\n/,
    );

    t.deepEqual((await cliJson(t, ["get", folder, "ada"])).values, [ada]);
    t.is((await cli(t, ["get", folder, "ada"])).stdout, `${JSON.stringify(ada, null, 2)}\n`);

    const all = [
      { id: "ada", data: ada },
      { id: "cyd", data: cyd },
    ];
    t.deepEqual((await cliJson(t, ["ls", folder])).values, all);
    t.deepEqual((await cliJson(t, ["export", folder])).values, all);
    t.is(
      (await cli(t, ["ls", folder])).stdout,
      `id   record\nada  ${JSON.stringify(ada)}\ncyd  ${JSON.stringify(cyd)}\n2 records\n`,
    );

    const log = (await cliJson(t, ["log", folder])).values;
    t.deepEqual(
      log.map(({ op, id }) => [op, id]),
      [
        ["set", "ada"],
        ["set", "cyd"],
        ["delete", "bob"],
      ],
    );
    t.regex(
      (await cli(t, ["log", folder])).stdout,
      /^time +op +id +data\n.+ set +ada .+\n.+\n.+ delete +bob +-\n$/,
    );
    t.deepEqual((await cliJson(t, ["log", folder, "--id", "cyd"])).values, [log[1]]);
    t.deepEqual((await cliJson(t, ["log", folder, "--since", "2999-01-01"])).values, []);
    t.is((await cliJson(t, ["log", folder, "--since", "2000-01-01"])).values.length, 3);

    const history = await cliJson(t, ["history", folder, "ada"]);
    t.deepEqual(history.values, [{ id: "ada", operations: [log[0]], data: ada }]);
    const gone = await cli(t, ["history", folder, "bob"]);
    t.is(gone.status, 0);
    t.regex(gone.stdout, /delete +bob +-\nnow {2}deleted\n$/);
  });
}

test("ls, with filters and a limit, lists what matches", async (t) => {
  const folder = await exampleFolder(t);
  const ids = async (...args) => (await cliJson(t, ["ls", folder, ...args])).values.map(({ id }) => id);
  t.deepEqual(await ids("--filter", "done=true"), ["ada"]);
  t.deepEqual(await ids("--filter", "address.city=Paris"), ["cyd"]);
  t.deepEqual(await ids("--filter", 'address={"city":"Paris"}'), ["cyd"]);
  t.deepEqual(await ids("--filter", "done=true", "--filter", "name=Cyd"), []);
  t.deepEqual(await ids("--filter", "toString=x"), []);
  t.deepEqual(await ids("--limit", "1"), ["ada"]);
  t.regex((await cli(t, ["ls", folder, "--filter", "name=Cyd"])).stdout, /\n1 of 2 records\n$/);
  for (const args of [
    ["--filter", "done"],
    ["--limit", "0"],
    ["--limit", "many"],
  ]) {
    t.is((await cli(t, ["ls", folder, ...args])).status, 2);
  }
  t.is((await cli(t, ["log", folder, "--since", "yesterday"])).status, 2);
});

test("get and history of what is not there, end with 1 and print nothing on stdout", async (t) => {
  const folder = await exampleFolder(t);
  const missing = await cli(t, ["get", folder, "nobody"]);
  t.deepEqual(missing, {
    status: 1,
    signal: null,
    stdout: "",
    stderr: "opslog: there is no record nobody\n",
  });
  t.is(JSON.parse((await cliJson(t, ["get", folder, "nobody"])).stderr).error.code, "OPSLOG_NOT_FOUND");
  t.like(await cli(t, ["history", folder, "nobody"]), { status: 1, stdout: "" });
});

test("what a terminal would take for a command, is shown as an escape", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("id\u001b[2J\u202e", { text: "\u009b31m", emoji: "👩‍💻" });
  await store.close();
  const { stdout } = await cli(t, ["ls", folder]);
  t.true(stdout.includes("id\\u001b[2J\\u202e  "));
  t.true(stdout.includes("\\u009b31m"));
  t.true(stdout.includes("👩‍💻"));
});

test("colours, are only there when they are asked for or a terminal is", async (t) => {
  const folder = await exampleFolder(t);
  t.false((await cli(t, ["ls", folder])).stdout.includes("\u001b"));
  t.true((await cli(t, ["ls", folder], { env: { FORCE_COLOR: "1" } })).stdout.includes("\u001b[1m"));
  const both = { FORCE_COLOR: "1", NO_COLOR: "1" };
  t.false((await cli(t, ["ls", folder], { env: both })).stdout.includes("\u001b"));
});

test("commands that read, beside a writer in another process, show its state and write nothing", async (t) => {
  const folder = await exampleFolder(t);
  const writer = await openInProcess(t, folder, { checkpointThreshold: 1000 });
  await writer.call("set", "ada", { name: "Countess" });
  const before = await contents(folder);
  for (const args of reads(folder)) {
    const { status, stderr } = await cli(t, args);
    t.deepEqual({ status, stderr }, { status: 0, stderr: "" }, args[0]);
  }
  t.deepEqual((await cliJson(t, ["get", folder, "ada"])).values, [{ name: "Countess" }]);
  t.is((await cliJson(t, ["stats", folder])).values[0].writer, writer.pid);
  t.deepEqual(await contents(folder), before);
  for (const args of [
    ["compact", folder],
    ["import", folder],
  ]) {
    const { status, stdout, stderr } = await cli(t, args, { input: '{"id":"x","data":1}\n' });
    t.deepEqual({ status, stdout }, { status: 1, stdout: "" });
    t.regex(
      stderr,
      new RegExp(`^opslog: The store is open in process ${writer.pid}\\. Close it there first`),
    );
  }
  t.deepEqual(await contents(folder), before);
});

test("commands that read, in a folder that may not be written, work", async (t) => {
  const folder = await exampleFolder(t);
  const locked = [folder, ...["snapshots", "ops", "archive"].map((name) => join(folder, name))];
  for (const path of locked) await chmod(path, 0o555);
  t.teardown(() => Promise.all(locked.map((path) => chmod(path, 0o755))));
  const asNobody = process.getuid?.() === 0 ? { uid: 65534 } : {};
  for (const args of reads(folder)) {
    const { status, stderr } = await cli(t, args, asNobody);
    t.deepEqual({ status, stderr }, { status: 0, stderr: "" }, args[0]);
  }
  const { status, stderr } = await cli(t, ["compact", folder], asNobody);
  t.is(status, 1);
  t.regex(stderr, /^opslog: EACCES: [^\n]+\n$/);
});

test("commands on a damaged store, say what is damaged and show no stack", async (t) => {
  const folder = await exampleFolder(t);
  const snapshot = await currentSnapshot(folder);
  const offset = await offsetOf(snapshot, '{"id":"bob"');
  await flip(snapshot, offset);
  for (const args of [...reads(folder).filter(([name]) => name !== "verify"), ["compact", folder]]) {
    const { status, stdout, stderr } = await cli(t, args);
    t.deepEqual({ status, stdout }, { status: 1, stdout: "" }, args[0]);
    t.true(stderr.startsWith(`opslog: The store is damaged: ${snapshot}, byte ${offset}: `), stderr);
    t.false(stderr.includes("    at "));
  }
  const { error } = JSON.parse((await cliJson(t, ["get", folder, "ada"])).stderr);
  t.like(error, { code: "OPSLOG_CORRUPT", path: snapshot, offset });
});

test("verify, something is damaged, prints file and byte and ends with 1; --json the same", async (t) => {
  const folder = await exampleFolder(t);
  t.like(await cli(t, ["verify", folder]), { status: 0, stderr: "" });
  const snapshot = await currentSnapshot(folder);
  const offset = await offsetOf(snapshot, '{"id":"bob"');
  await flip(snapshot, offset);
  const { status, stdout } = await cli(t, ["verify", folder]);
  t.is(status, 1);
  t.true(stdout.startsWith(`${snapshot}:${offset}: this line is no record`));
  t.true(stdout.endsWith("2 places damaged\n"));
  const { values, status: jsonStatus } = await cliJson(t, ["verify", folder]);
  t.is(jsonStatus, 1);
  t.like(values[0], { ok: false, damageCount: 2, files: 4 + 1 });
  t.like(values[0].damage[0], { path: snapshot, offset });
});

test("verify and compact with --progress, tell on stderr how far they have come", async (t) => {
  const folder = await exampleFolder(t);
  t.regex(
    (await cli(t, ["verify", folder, "--progress"])).stderr,
    /^checking +\[#+\] 100% of [\d.]+ k?B\n$/m,
  );
  t.regex(
    (await cli(t, ["compact", folder, "--progress"])).stderr,
    /writing the snapshot .* 100% of 2 records\n$/,
  );
});

test("repair, mends what it can, tells where it put what, and ends with what is left", async (t) => {
  const folder = await exampleFolder(t);
  const log = await activeWal(folder);
  const text = await readFile(log, "utf8");
  await writeFile(log, `no operation\n${text}`);
  const { status, stdout } = await cli(t, ["repair", folder]);
  t.is(status, 0);
  t.true(stdout.startsWith(`${log}:0: `));
  t.true(stdout.includes(`\n  the line was set aside in ${log}.torn\n1 place mended\n`));
  t.true(stdout.endsWith("nothing is damaged\n"));
  t.is(await readFile(`${log}.torn`, "utf8"), "no operation\n");
  t.is((await cli(t, ["repair", folder])).status, 0);
  await flip(await currentSnapshot(folder), 0);
  t.like(await cliJson(t, ["repair", folder]), { status: 1, values: [{ steps: [], after: { ok: false } }] });
});

test("compact, makes a checkpoint, also as an agent", async (t) => {
  const folder = await exampleFolder(t);
  const before = await currentSnapshot(folder);
  const { status, values } = await cliJson(t, ["compact", folder]);
  t.is(status, 0);
  t.like(values[0], { records: 2, operations: 3 });
  t.not(await currentSnapshot(folder), before);
  t.is(join(folder, values[0].snapshot), await currentSnapshot(folder));
  const agent = await openInProcess(t, folder, { agentId: "one" });
  await agent.call("set", "dan", { name: "Dan" });
  t.is((await cli(t, ["compact", folder])).status, 1);
  t.like(await cli(t, ["compact", folder, "--agent", "two"]), { status: 0, stderr: "" });
  t.deepEqual((await cliJson(t, ["stats", folder])).values[0].operations, 0);
  t.is((await cli(t, ["compact", folder, "--agent", "a/b"])).status, 2);
});

test("backup, beside a writer, copies the store into a new folder and nowhere else", async (t) => {
  const folder = await exampleFolder(t);
  const writer = await openInProcess(t, folder, { checkpointThreshold: 1000 });
  await writer.call("set", "dan", { name: "Dan" });
  const before = await contents(folder);
  const to = join(await temporaryFolder(t), "copy");
  t.like(await cliJson(t, ["backup", folder, to]), { status: 0, stderr: "", values: [{ to }] });
  t.deepEqual((await cliJson(t, ["ls", to])).values, (await cliJson(t, ["ls", folder])).values);
  t.deepEqual(await contents(folder), before);
  t.true((await Store.verify(to)).ok);
  const copy = await contents(to);
  t.like(await cli(t, ["backup", folder, to]), { status: 2, stdout: "" });
  t.deepEqual(await contents(to), copy);
  const withLogs = join(await temporaryFolder(t), "copy");
  t.regex(
    (await cli(t, ["backup", folder, withLogs, "--sealed-logs"])).stdout,
    /^\d+ files, .* in .*copy\n$/,
  );
  t.true(Object.keys(await contents(withLogs)).length > Object.keys(copy).length);
});

test("export and import, of many records, give the same store again", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { writeMode: "async", groupCommitSize: 1000 });
  for (let n = 0; n < 20_000; n++) store.set(`id-${n}`, { n, text: `text ${n} \u2028 "quoted" 👩‍💻` });
  await store.delete("id-7");
  const expected = store.entries();
  await store.close();
  const file = join(await temporaryFolder(t), "records.jsonl");
  t.is((await cli(t, ["export", folder, "--to", file])).stdout, `19,999 records in ${file}\n`);
  t.regex((await cli(t, ["export", folder, "--to", file])).stderr, /^opslog: EEXIST/);
  t.is((await cli(t, ["export", folder])).stdout, await readFile(file, "utf8"));
  const copy = join(await temporaryFolder(t), "copy");
  t.deepEqual((await cliJson(t, ["import", copy, file])).values, [{ imported: 19_999 }]);
  const other = new Store();
  await other.open(copy, { readOnly: true });
  t.deepEqual(other.entries(), expected);
  await other.close();
});

test("import from stdin, replaces records, and stops at a line that is none", async (t) => {
  const folder = await exampleFolder(t);
  const input = '{"id":"ada","data":{"n":1}}\n\n{"id":"new","data":[1]}\r\n';
  t.deepEqual((await cliJson(t, ["import", folder], { input })).values, [{ imported: 2 }]);
  t.deepEqual((await cliJson(t, ["get", folder, "ada"])).values, [{ n: 1 }]);
  for (const line of [
    "nonsense",
    "5",
    '{"data":1}',
    '{"id":"","data":1}',
    '{"id":"x"}',
    '{"id":"x","data":null}',
  ]) {
    const { status, stderr } = await cli(t, ["import", folder, "-"], {
      input: `{"id":"before","data":1}\n${line}\n{"id":"behind","data":1}\n`,
    });
    t.is(status, 1);
    t.regex(stderr, /^opslog: stdin, line 2: this is no .*\. 1 record before it were imported\.\n$/);
  }
  t.is((await cli(t, ["get", folder, "before"])).status, 0);
  t.is((await cli(t, ["get", folder, "behind"])).status, 1);
  t.is((await cli(t, ["import", folder, join(folder, "missing")])).status, 1);
});

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
  await lines(1);
  await writer.call("set", "ada", { n: 1 });
  await lines(2);
  await writer.call("compact");
  await writer.call("set", "other", { n: 2 });
  await writer.call("set", "ada", { n: 3 });
  await lines(3);
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

test("commands in README.md, one after the other, end with 0", async (t) => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const lines = [...readme.matchAll(/^npx opslog ([^#\n]+)/gm)].map(([, line]) => line.trim().split(/\s+/));
  t.true(lines.length >= names.length - 1);
  const cwd = await temporaryFolder(t);
  const store = new Store();
  await store.open(join(cwd, "data"));
  await store.set("task-1", { title: "Try the commands", done: false });
  await store.close();
  for (const args of lines) {
    const { status, stderr } = await cli(t, args, { cwd });
    t.deepEqual({ status, stderr }, { status: 0, stderr: "" }, args.join(" "));
  }
});

test("the sources of the program, import the package's exports, Node's modules and each other, and nothing else", async (t) => {
  const folder = join(root, "cli");
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".mjs"));
  t.true(files.length > 15);
  for (const file of files) {
    const text = await readFile(join(folder, file), "utf8");
    for (const [, name] of text.matchAll(/\bfrom "([^"]+)"/g)) {
      if (name.startsWith("node:")) continue;
      const target = relative(root, resolve(dirname(join(folder, file)), name));
      t.true(target === "index.mjs" || target.startsWith(`cli${sep}`), `${file} imports ${name}`);
    }
  }
});

test("npx opslog, of the package installed, runs the program", async (t) => {
  const project = await temporaryFolder(t);
  const packed = spawnSync(
    "npm",
    ["pack", "--pack-destination", project, "--ignore-scripts", "--silent", root],
    {
      encoding: "utf8",
    },
  );
  t.is(packed.status, 0, packed.stderr);
  await mkdir(join(project, "app"));
  const options = { cwd: join(project, "app"), encoding: "utf8" };
  await writeFile(join(project, "app", "package.json"), "{}");
  const tarball = join(project, packed.stdout.trim().split("\n").at(-1));
  const installed = spawnSync("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], options);
  t.is(installed.status, 0, installed.stderr);
  const { status, stdout } = spawnSync("npx", ["--no-install", "opslog", "--version"], options);
  t.is(status, 0);
  t.regex(stdout, /^0\.8\.\d+\n$/);
});
