/** `opslog import` and `export`: CSV, conflicts, and where a store is made. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { Columns, Header } from "../../cli/exchange/cells.mjs";
import { csvRow, csvRows } from "../../cli/exchange/csv.mjs";
import { Store } from "../../index.mjs";
import { cli, cliJson, exampleFolder } from "../helpers/cli.mjs";
import { contents, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

const json = fc.jsonValue({ maxDepth: 2 }).filter((value) => value !== null);
const special = fc.constantFrom(
  "5",
  "1e3",
  "true",
  "null",
  "",
  '"',
  " x ",
  "a,b",
  "a\r\nb",
  '{"a":1}',
  "=1+1",
  "\u009b",
  "9007199254740993",
  "id",
  "data",
  "data.id",
  "[",
);
const name = fc.oneof(fc.string(), special);
const value = fc.oneof(
  json,
  special.filter((text) => text !== null),
  fc.dictionary(name, fc.oneof(json, special)),
);

/** Records as CSV, in pieces, and read again. */
async function throughCsv(records, size) {
  const columns = new Columns();
  for (const [, data] of records) columns.add(data);
  const rows = [columns.header(), ...records.map(([id, data]) => columns.row(id, data))];
  const bytes = Buffer.from(rows.map((cells) => `${csvRow(cells)}\n`).join(""));
  const pieces = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  const found = [];
  let header;
  for await (const { cells } of csvRows(pieces)) {
    if (header === undefined) header = new Header(cells);
    else found.push(header.record(cells));
  }
  return found;
}

test("records as CSV, whatever is in them, come back as they were", async (t) => {
  const ids = fc.uniqueArray(
    fc.oneof(
      fc.string({ minLength: 1 }),
      special.filter((id) => id !== ""),
    ),
    { minLength: 1, maxLength: 5 },
  );
  const records = ids.chain((list) => fc.tuple(...list.map((id) => fc.tuple(fc.constant(id), value))));
  await fc.assert(
    fc.asyncProperty(records, fc.integer({ min: 1, max: 7 }), async (list, size) => {
      const found = await throughCsv(list, size);
      t.deepEqual(
        found.map(({ id, data }) => [id, JSON.stringify(data, Object.keys(data ?? {}).sort())]),
        list.map(([id, data]) => [id, JSON.stringify(data, Object.keys(data ?? {}).sort())]),
      );
      t.deepEqual(
        found.map(({ data }) => data),
        list.map(([, data]) => JSON.parse(JSON.stringify(data))),
      );
    }),
    { numRuns: 300 },
  );
});

test("export --format csv and import of it, give the same store again", async (t) => {
  const folder = await exampleFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  await store.set("n", 5);
  await store.set("日本", { id: "own", name: '"q", \n2', empty: "", five: "5", none: null, list: [1, "a"] });
  await store.close();
  const expected = await storedEntries(Store, folder, { readOnly: true });
  const file = join(await temporaryFolder(t), "records.csv");
  t.is((await cli(t, ["export", folder, "--to", file])).stdout, `4 records in ${file}\n`);
  t.is((await cli(t, ["export", folder, "--format", "csv"])).stdout, await readFile(file, "utf8"));
  const copy = join(await temporaryFolder(t), "copy");
  t.is((await cli(t, ["import", copy, file])).stdout, `4 records imported into a new store in ${copy}\n`);
  t.deepEqual(await storedEntries(Store, copy, { readOnly: true }), expected);
  t.is((await cli(t, ["export", folder, "--format", "xml"])).status, 2);
  const nowhere = join(copy, "none", "file");
  t.regex((await cli(t, ["export", folder, "--to", nowhere])).stderr, /none.file'\n$/);
});

test("import of a CSV file of another program, with a byte order mark, CRLF and quotes, reads numbers and texts", async (t) => {
  const folder = join(await temporaryFolder(t), "store");
  const file = join(await temporaryFolder(t), "people.CSV");
  await writeFile(
    file,
    '\ufeffid,name,age,zip,big,note\r\nada,"Lovelace, Ada",36,01234,12345678901234567890,"two\r\nlines ""quoted"""\r\n\r\nbob,Bob,,,,\r\n',
  );
  t.is((await cli(t, ["import", folder, file])).status, 0);
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), [
    [
      "ada",
      {
        name: "Lovelace, Ada",
        age: 36,
        zip: "01234",
        big: "12345678901234567890",
        note: 'two\r\nlines "quoted"',
      },
    ],
    ["bob", { name: "Bob" }],
  ]);
});

test("import, takes a byte order mark away at the beginning of a file, and nowhere else", async (t) => {
  const mark = "\ufeff";
  for (const [format, text] of [
    ["csv", `${mark}id,text\r\na,"one\r\n${mark}two"\r\n${mark}b,\r\n`],
    ["jsonl", `${mark}{"id":"a","data":{"text":"one\\r\\n${mark}two"}}\n`],
  ]) {
    const folder = join(await temporaryFolder(t), "store");
    t.is((await cli(t, ["import", folder, "--format", format], { input: text })).status, 0);
    const found = new Map(await storedEntries(Store, folder, { readOnly: true }));
    t.deepEqual(found.get("a"), { text: `one\r\n${mark}two` });
    t.deepEqual([...found.keys()], format === "csv" ? ["a", `${mark}b`] : ["a"]);
  }
});

test("import --on-conflict newer, replaces a record whose field is not there or null, and never takes one without a value for newer", async (t) => {
  const values = [undefined, null, 1, 2, "1", "2", true, [3]];
  const expected = (value, there) => {
    if (value === undefined || value === null) return false;
    if (there === undefined || there === null) return true;
    return typeof value === typeof there && ["string", "number"].includes(typeof value) && value > there;
  };
  const folder = await temporaryFolder(t);
  const cases = values.flatMap((there, n) => values.map((value, m) => ({ id: `${n}-${m}`, there, value })));
  const lines = (of) => cases.map((each) => JSON.stringify({ id: each.id, data: of(each) })).join("\n");
  await cli(t, ["import", folder], { input: lines(({ there }) => ({ v: there, is: "old" })) });
  await cli(t, ["import", folder, "--on-conflict", "newer=v"], {
    input: lines(({ value }) => ({ v: value, is: "new" })),
  });
  const found = new Map(await storedEntries(Store, folder, { readOnly: true }));
  for (const { id, there, value } of cases)
    t.is(found.get(id).is, expected(value, there) ? "new" : "old", JSON.stringify([there, value]));
});

test("import of a CSV file with a bad row, names its line and keeps the rows before it", async (t) => {
  for (const [text, line, message] of [
    ["name\nx\n", 1, /there is no column "id"/],
    ["id;name\nx;y\n", 1, /there is no column "id": cells stand between commas, not ";"/],
    ["name\tid\nx\ty\n", 1, /there is no column "id": cells stand between commas, not tabs/],
    ["id,a,a\nx,1,2\n", 1, /two columns "a"/],
    ["id,a\nx,1\n\n,2\n", 4, /this row has no id/],
    ['id,a\nx,"1\n2"\ny,1,2\n', 4, /this row has 3 cells, and the header has 2/],
    ['id,a\nx,1\ny,"2\n', 3, /a quote is not closed/],
    ['id,a\nx,1\ny,"2"3\n', 3, /behind a closing quote/],
    [Buffer.from("id,a\nx,1\ny,caf\u00e9\n", "latin1"), 3, /this is no UTF-8/],
  ]) {
    const folder = join(await temporaryFolder(t), "store");
    const { status, stderr } = await cli(t, ["import", folder, "--format", "csv"], { input: text });
    t.is(status, 1);
    const before = line === 1 ? 0 : 1;
    t.regex(
      stderr,
      new RegExp(
        `^opslog: stdin, line ${line}: .*\\. ${before} records? before it (was|were) imported\\.\\n$`,
      ),
    );
    t.regex(stderr, message);
    t.is((await storedEntries(Store, folder)).length, before);
  }
});

test("import --on-conflict, replaces, skips, takes the newer one, or stops with the line", async (t) => {
  const input = [
    '{"id":"a","data":{"v":2,"n":1}}',
    '{"id":"b","data":{"v":1,"n":1}}',
    '{"id":"new","data":{"v":1}}',
  ].join("\n");
  for (const [how, expected, skipped] of [
    ["replace", { a: 1, b: 1 }, undefined],
    ["skip", { a: 0, b: 0 }, 2],
    ["newer=v", { a: 1, b: 0 }, 1],
  ]) {
    const folder = await temporaryFolder(t);
    await cli(t, ["import", folder], {
      input: '{"id":"a","data":{"v":1,"n":0}}\n{"id":"b","data":{"v":1,"n":0}}',
    });
    const { values } = await cliJson(t, ["import", folder, "--on-conflict", how], { input });
    t.is(values[0].skipped, skipped, how);
    t.is(values[0].imported, 3 - (skipped ?? 0));
    const found = Object.fromEntries(await storedEntries(Store, folder, { readOnly: true }));
    t.deepEqual({ a: found.a.n, b: found.b.n }, expected, how);
    t.deepEqual(found.new, { v: 1 });
  }
  const folder = await temporaryFolder(t);
  await cli(t, ["import", folder], { input: '{"id":"b","data":0}' });
  const { status, stderr } = await cli(t, ["import", folder, "--on-conflict", "fail"], { input });
  t.is(status, 1);
  t.is(stderr, 'opslog: stdin, line 2: record "b" exists. 1 record before it was imported.\n');
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), [
    ["b", 0],
    ["a", { v: 2, n: 1 }],
  ]);
  const twice = await cli(t, ["import", folder, "--on-conflict", "skip"], {
    input: '{"id":"x","data":1}\n{"id":"x","data":2}',
  });
  t.is(twice.stdout, "1 record imported, 1 record left as it is\n");
  for (const how of ["newer", "newer=", "overwrite"])
    t.is((await cli(t, ["import", folder, "--on-conflict", how], { input })).status, 2);
});

test("import, makes a store in a new or an empty folder, and tells; among other files only with --create", async (t) => {
  const place = await temporaryFolder(t);
  const input = '{"id":"a","data":1}\n';
  t.is(
    (await cli(t, ["import", join(place, "new"), "-"], { input })).stdout,
    `1 record imported into a new store in ${join(place, "new")}\n`,
  );
  t.is((await cli(t, ["import", join(place, "new"), "-"], { input })).stdout, "1 record imported\n");
  await mkdir(join(place, "home"));
  await writeFile(join(place, "home", "notes.txt"), "mine");
  const before = await contents(join(place, "home"));
  const refused = await cli(t, ["import", join(place, "home")], { input });
  t.is(refused.status, 1);
  t.regex(
    refused.stderr,
    /^opslog: There is no store in .*home, and there are other files, notes\.txt for one\. --create makes/,
  );
  t.deepEqual(await contents(join(place, "home")), before);
  t.is((await cli(t, ["import", join(place, "home"), "--create"], { input })).status, 0);
  t.regex(
    (await cli(t, ["import", join(place, "new"), place])).stderr,
    /^opslog: .* is a folder; a file of records is wanted/,
  );
});

test("import of an empty file, of an empty line and of a mark alone, imports nothing and is no error", async (t) => {
  const folder = join(await temporaryFolder(t), "store");
  for (const input of ["", "\n\n", "\r\n", "\ufeff"])
    for (const format of ["jsonl", "csv"]) {
      const { status, stdout, stderr } = await cli(t, ["import", folder, "--format", format], { input });
      if (format === "csv" && input === "\ufeff") continue;
      t.is(status, 0, stderr);
      t.regex(stdout, /^0 records imported/);
    }
});
