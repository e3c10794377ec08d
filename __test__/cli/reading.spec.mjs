/** The commands that read: what they print, for people and for programs, in every kind of folder. */
import { spawnSync } from "node:child_process";
import { appendFile, chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { cli, cliJson, exampleFolder, reads } from "../helpers/cli.mjs";
import { flip, offsetOf } from "../helpers/damage.mjs";
import { original } from "../helpers/original.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { activeWal, contents, currentSnapshot, temporaryFolder } from "../helpers/store-folder.mjs";

// Windows has no such permissions.
const withModes = process.platform === "win32" ? test.skip : test;

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
        ["set", "bob"],
        ["set", "ada"],
        ["set", "cyd"],
        ["delete", "bob"],
      ],
    );
    t.regex(
      (await cli(t, ["log", folder])).stdout,
      /^time +op +id +data\n.+ set +ada .+\n.+\n.+\n.+\n.+ delete +bob +-\n5 operations\n$/,
    );
    const logOf = async (...args) => (await cliJson(t, ["log", folder, ...args])).values;
    t.deepEqual(await logOf("--id", "cyd"), [log[3]]);
    t.deepEqual(await logOf("--since", "2999-01-01"), []);
    t.is((await logOf("--since", "2000-01-01")).length, 5);
    t.is((await logOf("--since", "1h")).length, 5);
    t.deepEqual(await logOf("--until", "1h"), []);
    t.deepEqual(await logOf("--limit", "2"), log.slice(0, 2));
    t.deepEqual(await logOf("--last", "2"), log.slice(-2));
    t.is((await cli(t, ["log", folder, "--last", "2", "--limit", "2"])).status, 2);
    t.is((await cli(t, ["log", folder, "--since", "1 hour"])).status, 2);

    const history = await cliJson(t, ["history", folder, "ada"]);
    t.deepEqual(history.values, [{ id: "ada", operations: [log[0], log[2]], data: ada }]);
    t.regex((await cli(t, ["history", folder, "ada"])).stdout, / set +ada +name: "Ada" → "Ada Lovelace"\n/);
    const [diff] = (await cliJson(t, ["diff", folder, "ada", "1h"])).values;
    t.deepEqual(diff, { id: "ada", from: null, to: ada });
    t.is((await cli(t, ["diff", folder, "ada", "2h", "1h"])).status, 1);
    const gone = await cli(t, ["history", folder, "bob"]);
    t.is(gone.status, 0);
    t.regex(gone.stdout, /delete +bob +-\nnow {2}deleted\n2 operations\n$/);
  });
}

test("log and history with --all, behind checkpoints during which writes went on and an undo, show each operation once", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false });
  const expected = [];
  const set = (id, n) => {
    expected.push([id, n]);
    return store.set(id, { n });
  };
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, n) => set(`id-${n % 5}`, round * 100 + n)));
    const compacting = store.compact();
    await Promise.all(Array.from({ length: 20 }, (_, n) => set(`id-${n % 5}`, round * 100 + n + 50)));
    await compacting;
  }
  await set("undone", 0);
  if (await store.undo()) expected.pop();
  await set("id-0", 1001);
  await store.compact();
  await set("id-1", 1002);
  await store.close();
  t.true(Object.keys(await contents(folder)).filter((name) => name.startsWith("ops")).length > 4);
  const listed = (operations) => operations.map(({ id, data }) => [id, data.n]);
  const { values } = await cliJson(t, ["log", folder, "--all"]);
  t.deepEqual(listed(values), expected);
  t.deepEqual(Object.keys(values[0]).sort(), ["data", "id", "op", "position", "prev", "ts"]);
  t.regex(
    (await cli(t, ["log", folder, "--all"])).stdout,
    new RegExp(`\\n${expected.length} operations\\n$`),
  );
  t.deepEqual((await cliJson(t, ["log", folder])).values, values);
  const [history] = (await cliJson(t, ["history", folder, "id-1", "--all"])).values;
  t.deepEqual(
    listed(history.operations),
    expected.filter(([id]) => id === "id-1"),
  );
  t.deepEqual((await cliJson(t, ["history", folder, "id-1"])).values, [history]);
});

test("log with --all, in a folder of agents that compacted, shows each agent's operations once, in order of time", async (t) => {
  const folder = await temporaryFolder(t);
  const agents = await Promise.all(
    ["one", "two"].map(async (agentId) => {
      const store = new Store();
      await store.open(folder, { agentId, checkpointThreshold: Infinity });
      return store;
    }),
  );
  for (let n = 0; n < 30; n++) {
    await agents[n % 2].set(`id-${n}`, { n });
    if (n % 10 === 5) await agents[n % 2].compact();
  }
  for (const store of agents) await store.close();
  const { values } = await cliJson(t, ["log", folder, "--all"]);
  t.deepEqual(
    values.map(({ data }) => data.n).sort((one, other) => one - other),
    [...Array(30).keys()],
  );
  t.deepEqual(
    values.map(({ ts }) => ts),
    values.map(({ ts }) => ts).sort(),
  );
  t.regex((await cli(t, ["log", folder, "--all"])).stdout, /^time +agent +op +id +data\n/);
});

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
  for (const time of ["yesterday", "yesterday 5", "5", "2026-02-30", "2026-13-01", "2026-01-01T25:00"])
    t.is((await cli(t, ["log", folder, "--since", time])).status, 2, time);
  for (const time of ["30m1h", "1h1h", "-", "h", "1.5h", "+1h", "1h 30m"])
    t.is((await cli(t, ["log", folder, "--since", time])).status, 2, time);
  for (const time of ["2026-01-31T12:00", "2026-01-31T12:00:00.5Z", "2024-02-29T12:00+01:00"])
    t.is((await cli(t, ["log", folder, "--since", time])).status, 0, time);
});

test("a time that is told by how long ago it was, may have several units, and a dash before it", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  const now = Date.now;
  try {
    for (const minutes of [100, 80, 20]) {
      Date.now = () => now() - minutes * 60_000;
      await store.set(`${minutes}`, { minutes });
    }
  } finally {
    Date.now = now;
  }
  await store.close();
  const since = async (time) =>
    (await cliJson(t, ["log", folder, "--since", time])).values.map(({ id }) => id);
  t.deepEqual(await since("1h30m"), ["80", "20"]);
  t.deepEqual(await since("-1h30m"), ["80", "20"]);
  t.deepEqual(await since("-30m"), ["20"]);
  t.deepEqual(await since("1w2d3h4m5s"), ["100", "80", "20"]);
  t.is((await cliJson(t, ["at", folder, "1h30m"])).values.length, 1);
  t.regex((await cli(t, ["at", folder, "-1h"])).stderr, /there is no option -1; .* a time needs no "-"/);
});

test("log and history with --json, give the positions that at and revert take", async (t) => {
  const folder = await exampleFolder(t);
  const { values } = await cliJson(t, ["log", folder]);
  const [{ operations }] = (await cliJson(t, ["history", folder, "ada"])).values;
  t.deepEqual(operations, [values[0], values[2]]);
  const { values: then } = await cliJson(t, ["at", folder, values[1].position]);
  t.deepEqual(
    then.map(({ id }) => id),
    ["ada", "bob"],
  );
  t.is((await cli(t, ["revert", folder, values[1].position])).status, 0);
});

test("a record that is nested more deeply than JSON.stringify() can print, is shown and exported with the others", async (t) => {
  const folder = await exampleFolder(t);
  const deep = `{"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  const operation = `{"ts":"2026-01-31T12:00:00.000Z","op":"set","id":"deep","prev":null,"data":${deep}}`;
  await appendFile(await activeWal(folder), `${operation}\n${operation}\n`);
  t.is((await cli(t, ["get", folder, "deep"])).stdout, `${deep}\n`);
  t.true((await cli(t, ["export", folder])).stdout.endsWith(`{"id":"deep","data":${deep}}\n`));
  for (const [name, ...rest] of [
    ["ls"],
    ["log", "--json"],
    ["history", "deep"],
    ["diff", "deep", "2026-01-01"],
    ["at", "1s"],
    ["export", "--format", "csv"],
    ["find", "x.0=1"],
  ])
    t.like(await cli(t, [name, folder, ...rest]), { status: 0, stderr: "" }, name);
});

test("stats, a lock file that holds no process, tells of no writer", async (t) => {
  const folder = await exampleFolder(t);
  for (const content of ["", "0", "-1", "nonsense", "99999999999"]) {
    await writeFile(join(folder, ".lock"), content);
    t.is((await cliJson(t, ["stats", folder])).values[0].writer, null, JSON.stringify(content));
  }
  await writeFile(join(folder, ".lock"), `${process.pid}\n`);
  t.is((await cliJson(t, ["stats", folder])).values[0].writer, process.pid);
});

if (process.platform !== "win32") {
  test("stats, a pipe in the place of the lock file, does not wait for it", async (t) => {
    const folder = await exampleFolder(t);
    t.is(spawnSync("mkfifo", [join(folder, ".lock")]).status, 0);
    t.is((await cliJson(t, ["stats", folder])).values[0].writer, null);
  });
}

test("get and history of what is not there, end with 1 and print nothing on stdout", async (t) => {
  const folder = await exampleFolder(t);
  const missing = await cli(t, ["get", folder, "missing"]);
  t.deepEqual(missing, {
    status: 1,
    signal: null,
    stdout: "",
    stderr: "opslog: there is no record missing\n",
  });
  t.is(JSON.parse((await cliJson(t, ["get", folder, "missing"])).stderr).error.code, "OPSLOG_NOT_FOUND");
  t.like(await cli(t, ["history", folder, "missing"]), { status: 1, stdout: "" });
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

withModes("commands that read, in a folder that may not be written, work", async (t) => {
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

test("history, the snapshot or the manifest is damaged, names the file once and reads the logs where there is a manifest", async (t) => {
  const folder = await exampleFolder(t);
  const snapshot = await currentSnapshot(folder);
  const offset = await offsetOf(snapshot, '"name":"Ada"');
  await flip(snapshot, offset, "\0");
  const read = await cli(t, ["history", folder, "ada"]);
  t.regex(
    read.stderr,
    /^opslog: \S+\.jsonl, byte \d+: [^:]+\. What follows is read from the logs alone\.\n$/,
  );
  await writeFile(join(folder, "manifest.json"), "{");
  const unread = await cli(t, ["history", folder, "ada"]);
  t.regex(unread.stderr, /^opslog: The store is damaged, or this is no store of opslog: \S+manifest\.json/);
  t.is(unread.stderr.split("manifest.json").length, 2);
  t.is(unread.status, 1);
});

test("commands on a damaged store, say what is damaged and show no stack", async (t) => {
  const folder = await exampleFolder(t);
  const snapshot = await currentSnapshot(folder);
  const offset = await offsetOf(snapshot, '{"id":"bob"');
  await flip(snapshot, offset);
  // These need no snapshot.
  const ofLogs = ["log", "history"];
  for (const args of reads(folder).filter(([name]) => ofLogs.includes(name))) {
    const { status, stdout } = await cli(t, args);
    t.is(status, 0, args[0]);
    t.regex(stdout, /[25] operations\n$/);
  }
  const others = reads(folder).filter(([name]) => ![...ofLogs, "verify"].includes(name));
  for (const args of [...others, ["compact", folder]]) {
    const { status, stdout, stderr } = await cli(t, args);
    t.deepEqual({ status, stdout }, { status: 1, stdout: "" }, args[0]);
    t.true(stderr.startsWith(`opslog: The store is damaged: ${snapshot}, byte ${offset}: `), stderr);
    t.false(stderr.includes("    at "));
  }
  const { error } = JSON.parse((await cliJson(t, ["get", folder, "ada"])).stderr);
  t.like(error, { code: "OPSLOG_CORRUPT", path: snapshot, offset });
});
