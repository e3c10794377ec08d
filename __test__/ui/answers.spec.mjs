/** What the server of the page answers about odd stores: values, times and records that are not what is usual. */
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import test from "ava";
import { readers } from "../../cli/exchange/formats.mjs";
import { Store } from "../../index.mjs";
import { activeWal, temporaryFolder } from "../helpers/store-folder.mjs";
import { called, sent, served } from "../helpers/ui.mjs";
import { until } from "../helpers/until.mjs";
import { differencesOf } from "../../ui/server/differences/differences.mjs";

const settings = { checkpointOnClose: false, checkpointThreshold: Infinity };

async function filled(t, work, options) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, settings);
  await work(store, folder);
  if (store.recovery !== null) await store.close();
  return { folder, ui: await served(t, folder, options) };
}

const nested = (depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth));

test("records that are no objects, have their values in a column of their own", async (t) => {
  const { ui } = await filled(t, async (store) => {
    for (const [id, value] of Object.entries({ n: 1, s: "text", l: [1], b: false, o: { a: 1 } }))
      await store.set(id, value);
  });
  const { columns } = await called(ui, "columns");
  t.deepEqual(
    columns.map(({ name, share }) => [name, share]),
    [
      ["\u0000value", 0.8],
      ["a", 0.2],
    ],
  );
  const { rows } = await called(ui, "page", { columns: columns.map(({ name }) => name) });
  t.deepEqual(
    rows.map(({ cells: [value, a] }) => [value.text, a.text]),
    [
      ["1", ""],
      ["text", ""],
      ["[1]", ""],
      ["false", ""],
      ["", "1"],
    ],
  );
});

test("values of megabytes and values that are nested deeply, are cut in tables, and told apart", async (t) => {
  const { ui } = await filled(t, async (store) => {
    await store.set("big", { text: "x".repeat(5e6), n: 1 });
    await store.set("big", { text: "y".repeat(5e6), n: 1 });
    await store.set("deep", nested(3000));
    await store.set("deep", nested(3001));
    await store.set("wide", Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`f${n}`, n])));
  });
  const page = await called(ui, "page", { columns: ["text", "n"] });
  t.true(JSON.stringify(page).length < 5000);
  t.is(page.rows[0].cells[0].length, 5e6);
  const { operations } = await called(ui, "history", { id: "big" });
  t.deepEqual(
    operations[0].differences.map(({ path, kind }) => [path, kind]),
    [[["text"], "changed"]],
  );
  t.is((await called(ui, "history", { id: "deep" })).operations.length, 2);
  const wide = await called(ui, "history", { id: "wide" });
  t.is(wide.operations[0].differences.length, 200);
  t.is(wide.operations[0].differenceCount, 20_000);
  t.is((await called(ui, "columns")).columns.length, 300);
  t.is(JSON.parse((await called(ui, "record", { id: "wide" })).json).f19999, 19_999);
});

test("more records than are sorted, show the first ones of an order and how many there are behind them", async (t) => {
  const { ui } = await filled(
    t,
    async (store) => {
      for (let n = 0; n < 100; n++) await store.set(`id-${(n * 37) % 100}`, { n, even: n % 2 === 0 });
    },
    { mostSorted: 30 },
  );
  const whole = async (wanted) => {
    let page;
    do page = await called(ui, "page", { limit: 500, columns: ["n"], ...wanted });
    while (!page.isComplete);
    return {
      total: page.total,
      more: page.more,
      n: page.rows.map(({ cells: [n] }) => Number(n.text)),
      ids: page.rows.map(({ id }) => id),
    };
  };
  const first = [...Array(30).keys()];
  t.like(await whole({ sort: { n: 1 } }), { total: 30, more: 70, n: first });
  t.like(await whole({ sort: { n: -1 } }), { total: 30, more: 70, n: first.map((n) => 99 - n) });
  t.like(await whole({ sort: { n: 1 }, query: { even: true } }), {
    total: 30,
    more: 20,
    n: first.map((n) => 2 * n),
  });
  t.like(await whole({ sort: { n: 1 }, query: { n: { $lt: 30 } } }), { total: 30, more: 0, n: first });
  const ids = Array.from({ length: 100 }, (_, n) => `id-${n}`).sort();
  t.like(await whole({ sort: { "\u0000id": 1 } }), { more: 70, ids: ids.slice(0, 30) });
  t.like(await whole({ sort: { "\u0000id": -1 } }), { more: 70, ids: ids.reverse().slice(0, 30) });
  t.like(await whole({ search: "id-1", sort: { "\u0000id": 1 } }), { total: 11, more: 0 });
  t.like(await whole({}), { total: 100, more: 0 });
  const refused = await t.throwsAsync(called(ui, "page", { search: "id-1", sort: { n: 1 } }));
  t.like(refused, { status: 422, code: "TOO_MANY" });
  t.regex(refused.message, /more than 30 records .* with a query/);
  const exported = (wanted) =>
    sent(ui, {
      method: "POST",
      path: `${ui.base}export`,
      headers: { Origin: ui.origin, "Content-Type": "application/json" },
      body: JSON.stringify({ format: "jsonl", ...wanted }),
    });
  t.is((await exported({ sort: { n: 1 } })).status, 422);
  t.is((await exported({ sort: { n: 1 }, query: { n: { $lt: 30 } } })).text.split("\n").length, 31);
  t.is((await exported({})).text.split("\n").length, 101);
});

test("a value that is nested too deeply for the page, is refused with what prints it", async (t) => {
  const { ui } = await filled(t, async (store, folder) => {
    await store.set("a", { n: 1 });
    await store.close();
    const data = `{"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    const operation = `{"ts":"2026-01-31T12:00:00.000Z","op":"set","id":"deep","prev":null,"data":${data}}`;
    await appendFile(await activeWal(folder), `${operation}\n`);
  });
  const error = await t.throwsAsync(called(ui, "record", { id: "deep" }));
  t.like(error, { status: 422, code: "TOO_DEEP" });
  t.regex(error.message, /"opslog get" prints it/);
  t.is((await called(ui, "page", { columns: ["x"] })).rows.length, 2);
});

test("operations with times that are none, or far away, are listed, and those with a time counted", async (t) => {
  const { ui } = await filled(t, async (store, folder) => {
    for (const id of ["a", "b", "c"]) await store.set(id, { n: 1 });
    await store.close();
    const times = ["no time", "1970-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"];
    const log = await activeWal(folder);
    const text = await readFile(log, "utf8");
    await writeFile(
      log,
      text.replaceAll(/"ts":"[^"]+"/g, () => `"ts":"${times.shift()}"`),
    );
  });
  let counts = await called(ui, "activity");
  while (counts.state !== "done") counts = await called(ui, "activity");
  t.is(counts.total, 2);
  t.is(new Date(counts.last).getUTCFullYear(), 2999);
  t.is((await called(ui, "last")).operations.length, 3);
});

test("operations over time, are shown as far as they are kept, also while the page is open and its history is pruned", async (t) => {
  const { ui, folder } = await filled(t, async (store) => {
    for (let n = 0; n < 3; n++) {
      for (const id of ["a", "b", "c"]) await store.set(id, { n });
      await store.compact();
    }
    await store.set("last", { n: 1 });
  });
  const done = async (wanted) => {
    let counts;
    do counts = await called(ui, "activity", wanted);
    while (counts.state !== "done");
    const sum = counts.buckets.reduce(
      (all, { counts: each }) => all + each.reduce((n, [, , m]) => n + m, 0),
      0,
    );
    return { ...counts, sum };
  };
  const whole = await done({});
  t.is(whole.sum, 10);
  const store = new Store();
  await store.open(folder, settings);
  await store.prune();
  await store.set("later", { n: 1 });
  await until(async () => (await called(ui, "overview")).records === 5);
  await until(async () => (await done({})).sum === 2);
  // Of a time that was pruned, what was counted before is known.
  t.true((await done({ since: whole.first, until: whole.last })).sum > 0);
  const listed = await called(ui, "operations", { since: whole.first - 1000 });
  t.deepEqual(
    listed.operations.map(({ id }) => id),
    ["last", "later"],
  );
  const next = await called(ui, "operations", {
    since: whole.first - 1000,
    after: listed.operations[0].position,
  });
  t.deepEqual(
    next.operations.map(({ id }) => id),
    ["later"],
  );
  const gone = { since: whole.first - 1000, until: whole.first - 500 };
  t.is((await t.throwsAsync(called(ui, "operations", gone))).code, "OPSLOG_POSITION_GONE");
  await store.close();
});

test("an expression that takes too long, is stopped, and the page goes on", async (t) => {
  const { ui } = await filled(t, (store) => store.set("a", { text: `${"a".repeat(40)}!` }));
  const error = await t.throwsAsync(called(ui, "page", { query: { text: { $regex: "^(a+)+$" } } }));
  t.is(error.code, "OPSLOG_PATTERN_TIMEOUT");
  t.is((await called(ui, "page")).total, 1);
});

test("pages of a history, follow one another without a gap, and one whose start was undone is refused", async (t) => {
  const { ui, folder } = await filled(t, async (store) => {
    for (let n = 0; n < 25; n++) await store.set("a", { n });
  });
  const seen = [];
  let before;
  for (let hasMore = true; hasMore;) {
    const page = await called(ui, "history", { id: "a", limit: 10, ...(before && { before }) });
    seen.push(...page.operations);
    before = seen.at(-1).position;
    ({ hasMore } = page);
  }
  t.is(new Set(seen.map(({ position }) => position)).size, 25);
  const store = new Store();
  await store.open(folder, settings);
  await store.undo();
  await store.close();
  const { position } = seen[0];
  const error = await t.throwsAsync(called(ui, "history", { id: "a", before: position }));
  t.like(error, { status: 409, code: "OPSLOG_POSITION_GONE" });
  t.is((await t.throwsAsync(called(ui, "version", { id: "a", position }))).status, 409);
});

test("an export as CSV, quotes what has commas, quotes and line ends, and has a column for each field that is asked for", async (t) => {
  const { ui } = await filled(t, async (store) => {
    await store.set("a,1", { text: 'say "hi"\nthere', n: 1, list: [1, 2] });
    await store.set("b", { text: "", n: null });
    await store.set("c", 7);
  });
  const { text, headers } = await sent(ui, {
    method: "POST",
    path: `${ui.base}export`,
    headers: { Origin: ui.origin, "Content-Type": "application/json" },
    body: JSON.stringify({ format: "csv", columns: ["text", "n", "list", "\u0000value"] }),
  });
  t.regex(headers["content-type"], /^text\/csv/);
  t.is(
    text,
    ["id,text,n,list,data", '"a,1","say ""hi""\nthere",1,"[1,2]",', 'b,"""""",null,,', "c,,,,7", ""].join(
      "\r\n",
    ),
  );
});

test("an export as CSV, is read by the command line as the same records", async (t) => {
  const texts = [
    "5",
    "-0",
    "1e400",
    "true",
    "null",
    "",
    '"q"',
    '"',
    "[1]",
    "{",
    " x ",
    "a\r\nb",
    "\ud800",
    "007",
  ];
  const given = new Map(
    texts.map((text, n) => [text || "none", { text, id: n, data: [text], "data.x": null }]),
  );
  given.set("value", "12").set("list", ["a"]).set("number", 12);
  const { ui } = await filled(t, async (store) => {
    for (const [id, value] of given) await store.set(id, value);
  });
  const columns = ["text", "id", "data", "data.x", "\u0000value"];
  const { text } = await sent(ui, {
    method: "POST",
    path: `${ui.base}export`,
    headers: { Origin: ui.origin, "Content-Type": "application/json" },
    body: JSON.stringify({ format: "csv", columns }),
  });
  const read = new Map();
  for await (const { id, data } of readers.csv(Readable.from([Buffer.from(text)]))) read.set(id, data);
  t.deepEqual(read, given);
});

test("differences of lists, are what was added, removed, changed and moved, whatever the order", (t) => {
  const told = (before, after) =>
    differencesOf({ l: before }, { l: after }).list.map(({ kind, path, wasAt }) =>
      [kind, path.slice(1).join("."), wasAt].filter((part) => part !== undefined).join(" "),
    );
  t.deepEqual(told([1, 2, 3], [1, 2, 3]), []);
  t.deepEqual(told([1, 2, 3], [2, 3]), ["removed 0"]);
  t.deepEqual(told([2, 3], [1, 2, 3]), ["added 0"]);
  t.deepEqual(told([1, 2, 3], [3, 1, 2]), ["moved 0 2"]);
  t.deepEqual(told([1, 2, 3], [1, 9, 3]), ["changed 1"]);
  t.deepEqual(told([{ a: 1, b: 2 }, 5], [{ a: 1, b: 3 }, 5]), ["changed 0.b"]);
  t.deepEqual(told([1, 1, 1], [1, 1]), ["removed 2"]);
  t.deepEqual(told([], [1]), ["added 0"]);
  const many = Array.from({ length: 3000 }, (_, n) => n);
  t.is(told(many, [...many].reverse()).length > 0, true);
  t.deepEqual(told(many, [-1, ...many]), ["added 0"]);
});
