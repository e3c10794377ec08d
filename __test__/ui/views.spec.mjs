/** The page in a real browser: each view, what comes while it is open, restoring, hostile records, and axe. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import {
  becomes,
  click,
  goTo,
  has,
  openedPage,
  press,
  shows,
  testsInBrowser,
  textsOf,
  typeInto,
  viewOf,
} from "../helpers/browser.mjs";
import { deskFolder, writtenTo } from "../helpers/desk.mjs";
import { activeWal, currentSnapshot, temporaryFolder } from "../helpers/store-folder.mjs";
import { served } from "../helpers/ui.mjs";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

const inBrowser = testsInBrowser(test, "the views of the page");

async function opened(t, { hostile, view = "records", args, folder, ...options } = {}) {
  const store = folder ?? (await deskFolder(t, { hostile }));
  const ui = await served(t, store, options);
  const shown = await openedPage(t, viewOf(ui.address, view, args), options);
  const go = (next, more) => goTo(shown.page, viewOf(ui.address, next, more));
  return { folder: store, ui, go, ...shown };
}

const rowsOf = (page) => textsOf(page, ".room .row .id-cell");

inBrowser(
  "Records, shows all records with the columns that they have, finds them by id and by query, and sorts them",
  async (t) => {
    const { page, complaints } = await opened(t);
    await shows(page, "Tide tables");
    t.deepEqual(await rowsOf(page), ["job-1", "契約-2", "חוזה-3"]);
    t.deepEqual((await textsOf(page, ".heading .head")).slice(1, 6), [
      "id",
      "title",
      "status",
      "tags",
      "words",
    ]);

    await typeInto(page, ".search input", "約");
    await has(page, ".room .row", 1);
    t.deepEqual(await rowsOf(page), ["契約-2"]);

    await click(page, ".search button", "Query");
    await has(page, ".room .row", 3);
    await typeInto(page, ".search input", 'status: /o|r/, words: {$gt: 30}, "who.name": {$exists: false}');
    await page.keyboard.press("Enter");
    await has(page, ".room .row", 2);
    t.deepEqual(await rowsOf(page), ["契約-2", "חוזה-3"]);

    await click(page, ".sorter", "words");
    await becomes(page, () => document.querySelector(".room .row .id-cell")?.innerText.includes("חוזה"));
    t.is(await page.$eval("[aria-sort=ascending]", (head) => head.innerText.trim()), "words");

    await typeInto(page, ".search input", ", words: ");
    await shows(page, "A value is missing");
    t.deepEqual(complaints, []);
  },
);

inBrowser(
  "Records, a record is opened with the keyboard, and its JSON copied and closed again",
  async (t) => {
    const { page, complaints } = await opened(t);
    await page.evaluate(() => {
      navigator.clipboard.writeText = async (text) => (globalThis.copied = text);
    });
    await shows(page, "Tide tables");
    await press(page, ".table", "ArrowDown", "ArrowDown", "ArrowUp", "Enter");
    await page.waitForSelector(".panel .json-line");
    t.deepEqual(await textsOf(page, ".panel-id"), ["契約-2"]);
    t.true((await textsOf(page, ".json-line")).some((line) => line.replaceAll("\n", "") === "words900"));
    await click(page, ".panel button", "Copy JSON");
    await shows(page, "Copied");
    const copied = await page.evaluate(() => globalThis.copied);
    t.deepEqual(JSON.parse(copied), { title: "契約書", status: "done", tags: [], words: 900 });
    await page.keyboard.press("Escape");
    await has(page, ".panel", 0);
    t.deepEqual(complaints, []);
  },
);

inBrowser("Records, the chosen ones are exported as lines of JSON", async (t) => {
  const { page } = await opened(t);
  await shows(page, "Tide tables");
  await press(page, ".table", " ", "ArrowDown", "ArrowDown", " ");
  await shows(page, "2 records chosen");
  await page.evaluate(() => {
    globalThis.kept = [];
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => (globalThis.kept.push(blob.text()), make(blob));
  });
  await click(page, ".selection button", "JSON");
  await becomes(page, () => globalThis.kept.length === 1);
  const text = await page.evaluate(() => globalThis.kept[0]);
  t.deepEqual(
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).id),
    ["job-1", "חוזה-3"],
  );
});

inBrowser(
  "Records, of 60,000 ids any place of them is reached, and only what is in sight is drawn",
  async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, { writeMode: "async", groupCommitSize: 10_000, checkpointOnClose: false });
    const total = 60_000;
    for (let n = 0; n < total; n++) store.set(`id-${n}`, n);
    await store.close();
    const { page } = await opened(t, { folder });
    await shows(page, "60,000 records");
    await press(page, ".table", "End");
    await shows(page, `id-${total - 1}`);
    await page.$eval(".table", (table) => (table.scrollTop = table.scrollHeight / 2));
    await becomes(page, () =>
      [...document.querySelectorAll(".room .row .id-cell")].some((cell) =>
        /^id-(29|30)\d{3}$/.test(cell.innerText),
      ),
    );
    t.true((await page.$$(".room .row")).length < 80);
  },
);

inBrowser("Records, follows a writer: new ones, changed ones and the number of all", async (t) => {
  const { page, folder, complaints } = await opened(t);
  await shows(page, "Tide tables");
  await writtenTo(folder, async (store) => {
    await store.set("fresh", { title: "Just written", status: "open", words: 3 });
    await store.set("חוזה-3", { title: "חוזה", status: "sent", words: 41 });
  });
  await shows(page, "Just written");
  await shows(page, "sent");
  await shows(page, "4 records");
  t.deepEqual(complaints, []);
});

inBrowser(
  "History, shows what each operation added, changed and moved, who made it, and follows",
  async (t) => {
    const { page, folder, complaints } = await opened(t, { view: "history", args: { id: "job-1" } });
    await shows(page, "The record was created here.");
    t.deepEqual(await textsOf(page, ".entry .kind"), ["updated", "created"]);
    const [first] = await page.$$eval(".entry", (entries) =>
      entries.map((entry) =>
        [...entry.querySelectorAll(".difference")].map((line) => [
          [...line.classList].at(-1),
          line.querySelector(".difference-path").innerText,
        ]),
      ),
    );
    t.deepEqual(first, [
      ["changed", "status"],
      ["moved", "tags[0]"],
      ["changed", "words"],
      ["changed", "who.name"],
      ["added", "due"],
    ]);
    t.deepEqual(await textsOf(page, ".entry .agent"), ["two", "one"]);
    await writtenTo(folder, (store) => store.delete("job-1"));
    await page.waitForSelector(".entry.deleted");
    t.deepEqual(await textsOf(page, ".entry .kind"), ["deleted", "updated", "created"]);
    t.deepEqual(complaints, []);
  },
);

inBrowser(
  "History, an earlier version is shown, compared with now, and restored beside another agent",
  async (t) => {
    const { page, folder, complaints } = await opened(t, {
      view: "history",
      args: { id: "job-1" },
      write: true,
    });
    const other = new Store();
    await other.open(folder, { agentId: "two" });
    await page.waitForSelector(".entry.created");
    await click(page, ".entry.created .entry-head");
    await page.waitForSelector(".version .json-line");
    t.true(
      (await textsOf(page, ".version .json-line")).some((line) => line.replaceAll("\n", "") === "statusopen"),
    );
    await click(page, ".version button", "Compared with now");
    await page.waitForSelector(".version .difference");
    await click(page, ".version button", "Restore this version");
    await click(page, ".ask button", "Restore");
    await has(page, ".entry", 3);
    await other.refresh();
    t.deepEqual(other.get("job-1").status, "open");
    await other.close();
    t.true((await textsOf(page, ".entry .agent")).includes("ui"));
    t.deepEqual(complaints, []);
  },
);

inBrowser(
  "History, restoring while another process has a single writer's store open, says so, and changes nothing",
  async (t) => {
    const folder = await temporaryFolder(t);
    const writer = new Store();
    await writer.open(folder, { checkpointOnClose: false });
    await writer.set("a", { n: 1 });
    await writer.set("a", { n: 2 });
    const { page } = await opened(t, { folder, view: "history", args: { id: "a" }, write: true });
    await page.waitForSelector(".entry.created");
    await click(page, ".entry.created .entry-head");
    await click(page, ".version button", "Restore this version");
    await click(page, ".ask button", "Restore");
    await shows(page, `Process ${process.pid} has the store open for writing. Nothing was changed.`);
    t.deepEqual(writer.get("a"), { n: 2 });
    await writer.close();
  },
);

inBrowser(
  "Time, shows operations by kind and by agent, closer, as a list, and the store as it was",
  async (t) => {
    const { page, ui, go, complaints } = await opened(t, { view: "time" });
    await shows(page, "6 operations");
    t.deepEqual(
      (await textsOf(page, ".legend li")).map((each) => each.replaceAll("\n", " ")),
      ["created 4", "updated 1", "deleted 1"],
    );
    t.regex(
      await page.$eval(".chart", (chart) => chart.getAttribute("aria-label")),
      /^6 operations over time/,
    );
    await click(page, ".choice button", "By agent");
    await becomes(page, () => document.querySelector(".legend").innerText.includes("two"));
    await click(page, "summary", "As a table");
    await click(page, ".as-table button", "Show");
    await page.waitForSelector(".feed .feed-line");
    await click(page, ".button", "Closer");
    await becomes(page, () => location.hash.includes("since"));
    const first = await page.evaluate(() => document.querySelector(".as-of-time").innerText);
    t.truthy(first);
    const store = new Store();
    await store.open(await page.evaluate(() => document.querySelector("h1").title), { readOnly: true });
    let position;
    for await (const change of store.changes({ id: "gone" })) position ??= change.position;
    await store.close();
    await go("records", { at: position });
    await shows(page, "For a while");
    await shows(page, "As of an operation");
    t.truthy(ui);
    t.deepEqual(complaints, []);
  },
);

inBrowser("Space, shows all bytes, what pruning would free, and compacts with --write", async (t) => {
  const { page, folder, complaints } = await opened(t, { view: "space", write: true });
  await shows(page, "Pruning would free");
  t.is((await textsOf(page, ".card table.plain tbody tr")).length >= 7, true);
  const before = await currentSnapshot(folder);
  await click(page, ".compact button", "Compact");
  await shows(page, "is written");
  t.not(await currentSnapshot(folder), before);
  t.deepEqual(complaints, []);
});

inBrowser(
  "Health, checks all files with progress, and shows damage with its place and what helps",
  async (t) => {
    const { page, folder, complaints } = await opened(t, { view: "health" });
    await click(page, ".verdict button", "Check all files");
    await page.waitForSelector(".verdict.good");
    await becomes(page, () => document.querySelectorAll(".block.sound").length > 3);
    const snapshot = await currentSnapshot(folder);
    const text = await readFile(snapshot, "utf8");
    await writeFile(snapshot, text.replace('"data":', '"data" '));
    await click(page, ".verdict button", "Check again");
    await page.waitForSelector(".verdict.bad");
    await page.waitForSelector(".block.damaged .block-place");
    t.true((await textsOf(page, ".damage li"))[0].includes("snapshots/"));
    t.regex((await textsOf(page, ".command code")).join("\n"), /npx opslog (repair|recover)/);
    t.deepEqual(complaints, []);
  },
);

inBrowser("Live, lists operations as they come, pauses, and filters by kind, agent and id", async (t) => {
  const { page, folder, complaints } = await opened(t, { view: "live" });
  await shows(page, "gone");
  await writtenTo(folder, (store) => store.set("live-1", { n: 1 }));
  await shows(page, "live-1");
  await click(page, ".button", "Pause");
  await writtenTo(folder, (store) => store.set("live-2", { n: 1 }));
  await shows(page, "1 more");
  t.false((await textsOf(page, ".feed-id")).includes("live-2"));
  await click(page, ".button", "Go on");
  await shows(page, "live-2");
  await click(page, ".chip", "created");
  await becomes(page, () =>
    [...document.querySelectorAll(".feed .kind")].every((kind) => kind.innerText !== "created"),
  );
  await typeInto(page, ".search input", "JOB-1");
  await has(page, ".feed-id", 1);
  t.deepEqual(complaints, []);
});

inBrowser(
  "records that try to be more than text, are text: scripts, terminal commands, marks of direction, 10,000 fields",
  async (t) => {
    const { page, go, complaints } = await opened(t, { hostile: true });
    await shows(page, "<script>alert(1)</script>");
    t.true((await rowsOf(page)).some((id) => id.includes("RLO")));
    for (const view of ["records", "history"]) {
      await go(view, { id: "<script>alert(1)</script>" });
      await page.waitForSelector(view === "records" ? ".json-line" : ".entry");
      await shows(page, "document.title = 'run'");
      await shows(page, "ESC");
      t.notRegex(await page.title(), /run/);
    }
    for (const id of ["evil\u202etxt.exe", "\ud800lone", "new\nline\u0000nul"]) {
      await go("history", { id });
      await page.waitForSelector(".entry.created");
    }
    t.regex((await textsOf(page, ".panel-id"))[0], /new\s*LF\s*line\s*NUL\s*nul/);
    await go("records", { id: "wide" });
    await page.waitForSelector(".json-line");
    t.true((await page.$$(".json-line")).length < 100);
    await press(page, ".json-lines", "End");
    await shows(page, "field9999");
    t.is(await page.evaluate(() => document.querySelectorAll("script").length), 1);
    t.deepEqual(complaints, []);
  },
);

inBrowser("operations with times that are none, are shown with the text that they have", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  await store.set("a", { n: 1 });
  await store.close();
  const log = await activeWal(folder);
  await writeFile(log, (await readFile(log, "utf8")).replace(/"ts":"[^"]+"/, '"ts":"<b>soon</b>"'));
  const { page, go, complaints } = await opened(t, { folder, view: "live" });
  await shows(page, "<b>soon</b>");
  await go("history", { id: "a" });
  await page.waitForSelector(".entry.created");
  await shows(page, "<b>soon</b>");
  t.deepEqual(complaints, []);
});

inBrowser("odd stores: an empty one, and one that is damaged until it is put back", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.close();
  const { page, go, complaints } = await opened(t, { folder });
  await shows(page, "The store is empty");
  for (const view of ["history", "time", "space", "health", "live"]) {
    await go(view);
    await page.waitForSelector("main .view, main .blank");
  }
  t.deepEqual(complaints, []);

  const damaged = await deskFolder(t);
  const manifest = join(damaged, "manifest.json");
  await rename(manifest, `${manifest}.away`);
  await writeFile(manifest, "{");
  const other = await opened(t, { folder: damaged });
  await shows(other.page, "The store cannot be shown");
  await other.go("health");
  await click(other.page, ".verdict button", "Check all files");
  await other.page.waitForSelector(".verdict.bad, .verdict.failed");
  await rename(`${manifest}.away`, manifest);
  await other.go("records");
  await shows(other.page, "Tide tables");
});

const VIEWS = {
  records: {},
  "records with a record": { view: "records", args: { id: "job-1" } },
  "records with a history": { view: "records", args: { id: "job-1", tab: "history" } },
  history: { view: "history" },
  "history of a record": {
    view: "history",
    args: { id: "job-1" },
    pressed: ".entry-head",
    awaited: ".version",
  },
  time: { view: "time" },
  space: { view: "space" },
  health: { view: "health", pressed: ".verdict .button", awaited: ".verdict.good" },
  live: { view: "live" },
};

for (const [look, options] of Object.entries({
  light: { scheme: "light" },
  dark: { scheme: "dark" },
  narrow: { scheme: "light", width: 390 },
})) {
  inBrowser(`axe finds nothing in any view, ${look}`, async (t) => {
    const { page, go } = await opened(t, { hostile: true, write: true, ...options });
    const source = await readFile(axePath, "utf8");
    for (const [name, { view = "records", args, pressed, awaited = ".view" }] of Object.entries(VIEWS)) {
      await go(view, args);
      await page.reload();
      await page.waitForSelector("main .view");
      await has(page, ".loading", 0);
      if (pressed) await click(page, pressed);
      await page.waitForSelector(awaited);
      await has(page, ".loading, progress", 0);
      await page.evaluate(`${source}; undefined`);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const told = violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .map(({ html }) => html)
            .join(" | ")
            .slice(0, 600)}`,
      );
      t.deepEqual(told, [], name);
      const [scrollWidth, clientWidth] = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return [scrollWidth, clientWidth];
      });
      t.true(scrollWidth <= clientWidth + 1, `${name} is wider than the window`);
    }
  });
}

inBrowser("addresses that were changed by hand, show a view, whatever stands in them", async (t) => {
  const { page, go, complaints } = await opened(t);
  for (const [view, args] of [
    ["records", { text: 5, mode: "query" }],
    ["records", { text: { a: 1 }, mode: ["id"], sort: "title", tab: 7 }],
    ["records", { id: 5 }],
    ["records", { id: { a: 1 }, at: 12 }],
    ["records", { sort: [1], at: null }],
    ["history", { id: ["job-1"] }],
    ["time", { at: "p1", since: "x", until: {} }],
    ["time", { since: 1e300, until: -1, by: 3 }],
    ["nowhere", { id: 1 }],
    ["constructor", { create: 5 }],
    ["records", JSON.parse('{"__proto__":1,"constructor":{},"toString":0}')],
    ["", {}],
  ]) {
    await go(view, args);
    await page.waitForSelector("main .view");
    await has(page, ".loading", 0);
  }
  await go("records");
  await shows(page, "Tide tables");
  t.deepEqual(
    complaints.filter((each) => !each.includes("422")),
    [],
  );
});
