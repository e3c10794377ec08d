/** The commands that write, check or copy: verify, repair, compact, backup, export and import. */
import { once } from "node:events";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { cli, cliJson, exampleFolder, startCli } from "../helpers/cli.mjs";
import { flip, offsetOf } from "../helpers/damage.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import {
  activeWal,
  contents,
  currentSnapshot,
  storedEntries,
  temporaryFolder,
} from "../helpers/store-folder.mjs";

test("verify, something is damaged, prints file and byte and ends with 1; --json the same", async (t) => {
  const folder = await exampleFolder(t);
  t.like(await cli(t, ["verify", folder]), { status: 0, stderr: "" });
  const snapshot = await currentSnapshot(folder);
  const offset = await offsetOf(snapshot, '{"id":"bob"');
  await flip(snapshot, offset);
  const { status, stdout } = await cli(t, ["verify", folder]);
  t.is(status, 1);
  t.true(stdout.startsWith(`${snapshot}, byte ${offset}: this line is no record`));
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
  t.true(stdout.startsWith(`${log}, byte 0: `));
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
  t.regex(
    (await cli(t, ["export", folder, "--to", file])).stderr,
    /^opslog: .* exists; --to writes a new file$/m,
  );
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
    t.regex(stderr, /^opslog: stdin, line 2: this is no .*\. 1 record before it was imported\.\n$/);
  }
  t.is((await cli(t, ["get", folder, "before"])).status, 0);
  t.is((await cli(t, ["get", folder, "behind"])).status, 1);
  t.is((await cli(t, ["import", folder, join(folder, "missing")])).status, 1);
});

test("import, takes a line to end at \\n and nowhere else, and text to be UTF-8 with or without a mark before it", async (t) => {
  const folder = join(await temporaryFolder(t), "store");
  const input =
    '\ufeff{"id":"a",\r"data":"one \u2028 two \u2029 three \u0085 four"}\r\n \r\n{"id":"b","data":2}';
  t.deepEqual((await cliJson(t, ["import", folder], { input })).values, [{ imported: 2 }]);
  t.deepEqual((await cliJson(t, ["export", folder])).values, [
    { id: "a", data: "one \u2028 two \u2029 three \u0085 four" },
    { id: "b", data: 2 },
  ]);
  const latin = Buffer.from('{"id":"c","data":3}\n{"id":"d","data":"caf\u00e9"}\n', "latin1");
  const { status, stderr } = await cli(t, ["import", folder], { input: latin });
  t.is(status, 1);
  t.is(stderr, "opslog: stdin, line 2: this is no UTF-8. 1 record before it was imported.\n");
  t.deepEqual(
    (await cliJson(t, ["ls", folder])).values.map(({ id }) => id),
    ["a", "b", "c"],
  );
});

test("import, of a line and of a file that are longer than a block, reads them whole", async (t) => {
  const folder = join(await temporaryFolder(t), "store");
  const long = "x".repeat(300_000);
  const file = join(await temporaryFolder(t), "records.jsonl");
  await writeFile(
    file,
    `{"id":"a","data":"${long}"}\n${'{"id":"b","data":1}\n'.repeat(20_000)}{"id":"c","data":"${long}"}`,
  );
  t.deepEqual((await cliJson(t, ["import", folder, file])).values, [{ imported: 20_002 }]);
  for (const id of ["a", "c"]) t.is((await cliJson(t, ["get", folder, id])).values[0], long);
});

test("export --to, killed or failed on the way, leaves nothing with that name", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { writeMode: "async", groupCommitSize: 1000 });
  for (let n = 0; n < 60_000; n++) store.set(`id-${n}`, { n, text: "text ".repeat(100) });
  await store.close();
  const place = await temporaryFolder(t);
  const file = join(place, "records.jsonl");
  const child = startCli(t, ["export", folder, "--to", file, "--progress"]);
  child.stderr.setEncoding("utf8");
  let told = "";
  while (!told.includes("exporting")) told += (await once(child.stderr, "data"))[0];
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  const [status] = await ended;
  t.deepEqual(await readdir(place), status === 0 ? ["records.jsonl"] : [`records.jsonl.${child.pid}.tmp`]);
  const whole = join(place, "whole.jsonl");
  t.is((await cli(t, ["export", folder, "--to", whole])).status, 0);
  t.is((await readFile(whole, "utf8")).split("\n").length, 60_001);
  t.false((await readdir(place)).some((name) => name.startsWith("whole.jsonl.")));
  await writeFile(join(place, "taken"), "mine");
  t.regex(
    (await cli(t, ["export", folder, "--to", join(place, "taken")])).stderr,
    /^opslog: .* exists; --to writes a new file$/m,
  );
  t.is(await readFile(join(place, "taken"), "utf8"), "mine");
  t.is((await cli(t, ["export", folder, "--to", join(place, "none", "file")])).status, 1);
});

test("import, the store refuses a value, names its line and keeps what stood before it", async (t) => {
  const folder = await temporaryFolder(t);
  const line = (n, data) => `{"id":"r${n}","data":${data}}\n`;
  const good = Array.from({ length: 500 }, (_, n) => line(n, '{"n":1}')).join("");
  const input = `${good}\n${line(500, "1e999")}${line(501, '{"n":1}')}`;
  const { status, stderr } = await cli(t, ["import", folder], { input });
  t.is(status, 1);
  t.regex(
    stderr,
    /^opslog: stdin, line 502: the store refuses this record \(.*\)\. 500 records before it were imported\.\n$/,
  );
  t.is((await storedEntries(Store, folder)).length, 500);
});
