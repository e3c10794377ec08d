/** The page follows the store: no change is missed, whatever the browser and the server were doing when it was made. */
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import {
  becomes,
  click,
  goTo,
  openedPage,
  press,
  shows,
  testsInBrowser,
  textsOf,
  viewOf,
} from "../helpers/browser.mjs";
import { deskFolder, writtenTo } from "../helpers/desk.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { called, served } from "../helpers/ui.mjs";
import { until } from "../helpers/until.mjs";

const inBrowser = testsInBrowser(test, "the page follows");

async function opened(t, prepare) {
  const folder = await deskFolder(t);
  const ui = await served(t, folder);
  const { page } = await openedPage(t, viewOf(ui.address, "records"), { prepare });
  await shows(page, "Tide tables");
  return { folder, page, ui };
}

const fresh = (store) => store.set("fresh", { title: "Just written", words: 3 });

inBrowser("a change between the first rows and the first news of the server, is shown", async (t) => {
  let held;
  const { folder, page, ui } = await opened(t, async (page) => {
    await page.setRequestInterception(true);
    page.on("request", (request) => {
      if (request.url().endsWith("/events")) held = request;
      else request.continue();
    });
  });
  await writtenTo(folder, fresh);
  await until(async () => (await called(ui, "overview")).records === 4);
  await held.continue();
  await shows(page, "Just written");
  t.pass();
});

inBrowser("a change while an answer with older rows is on its way, is shown", async (t) => {
  const { folder, page } = await opened(t, (page) =>
    page.evaluateOnNewDocument(() => {
      const { fetch } = globalThis;
      globalThis.fetch = async (path, options) => {
        const response = await fetch(path, options);
        if (path === "api/page" && options.body.includes("sort")) await globalThis.released;
        return response;
      };
    }),
  );
  await page.evaluate(() => {
    globalThis.released = new Promise((resolve) => (globalThis.release = resolve));
  });
  const answered = page.waitForResponse((response) => response.url().endsWith("api/page"));
  await click(page, ".sorter", "words");
  await answered;
  await writtenTo(folder, fresh);
  await shows(page, "4 records");
  // Longer than the page waits before it asks for new rows.
  await sleep(1500);
  await page.evaluate(() => globalThis.release());
  await shows(page, "Just written");
  t.pass();
});

/** Opens further tabs in the window of a page; the last one is in front. */
async function tabs(page, address, count) {
  const pages = [];
  for (let n = 0; n < count; n++) {
    const tab = await page.browserContext().newPage();
    tab.setDefaultTimeout(60_000);
    await tab.goto(address);
    pages.push(tab);
  }
  return pages;
}

inBrowser("of many tabs of one browser, the last one shows the store as the first one does", async (t) => {
  const { page, ui } = await opened(t);
  for (const tab of await tabs(page, ui.address, 9)) {
    await tab.bringToFront();
    await shows(tab, "Tide tables");
    await shows(tab, "Following");
  }
  t.pass();
});

inBrowser(
  "a tab that was hidden while the store changed, shows the change, and all that was chosen",
  async (t) => {
    const { folder, page, ui } = await opened(t);
    await press(page, ".table", "ArrowDown", " ");
    await shows(page, "1 record chosen");
    const [other] = await tabs(page, ui.address, 1);
    await other.bringToFront();
    await until(() => page.evaluate(() => document.visibilityState === "hidden"));
    await writtenTo(folder, fresh);
    await until(async () => (await called(ui, "overview")).records === 4);
    await page.bringToFront();
    await shows(page, "Just written");
    await shows(page, "1 record chosen");
    t.pass();
  },
);

inBrowser("the tab of Live, lists and counts what happens while it is hidden", async (t) => {
  const { folder, page, ui } = await opened(t);
  await goTo(page, viewOf(ui.address, "live"));
  await shows(page, "gone");
  const [other] = await tabs(page, ui.address, 1);
  await other.bringToFront();
  await until(() => page.evaluate(() => document.visibilityState === "hidden"));
  await writtenTo(folder, fresh);
  // NOTE: a hidden page draws nothing: it is asked.
  await until(async () => (await page.$$eval(".feed-id", (ids) => ids[0].textContent)) === "fresh");
  t.regex((await page.$eval(".chip.created", (chip) => chip.textContent)).trim(), /^created\s*1$/);
});

inBrowser(
  "a page whose connection broke off, lists in Live what happened meanwhile, each once",
  async (t) => {
    const folder = await deskFolder(t);
    const ui = await served(t, folder);
    const before = await called(ui, "overview");
    const body = `retry: 100\n\nevent: state\ndata: ${JSON.stringify(before)}\n\n`;
    const streams = [];
    const { page } = await openedPage(t, viewOf(ui.address, "live"), {
      prepare: async (page) => {
        await page.setRequestInterception(true);
        page.on("request", (request) => {
          if (!request.url().endsWith("/events")) request.continue();
          else if (streams.push(request) === 1) request.respond({ contentType: "text/event-stream", body });
        });
      },
    });
    await shows(page, "gone");
    await shows(page, "Not connected");
    await writtenTo(folder, fresh);
    await until(async () => (await called(ui, "overview")).records === 4);
    await until(() => streams.length > 1);
    await streams[1].continue();
    await becomes(page, () => document.querySelector(".feed-id")?.textContent === "fresh");
    await shows(page, "Following");
    t.deepEqual(await textsOf(page, ".feed-id"), [
      "fresh",
      "gone",
      "gone",
      "job-1",
      "חוזה-3",
      "契約-2",
      "job-1",
    ]);
  },
);

inBrowser("an open version of a record, is compared with what the record has become since", async (t) => {
  const { folder, page, ui } = await opened(t);
  await goTo(page, viewOf(ui.address, "history", { id: "job-1" }));
  await click(page, ".entry.updated .entry-head");
  await shows(page, "As of then");
  t.false((await page.evaluate(() => document.body.innerText)).includes("Compared with now ("));
  await writtenTo(folder, (store) => store.set("job-1", { title: "Tide tables" }));
  await shows(page, "Compared with now (5)");
});

inBrowser(
  "an empty store whose first record comes, shows it in columns, and lists fields that come later",
  async (t) => {
    const folder = await temporaryFolder(t);
    await writtenTo(folder, () => {}, {});
    const ui = await served(t, folder);
    const { page } = await openedPage(t, viewOf(ui.address, "records"));
    await shows(page, "The store is empty");
    await writtenTo(folder, fresh, {});
    await shows(page, "Just written");
    t.deepEqual(await textsOf(page, ".heading .sorter"), ["id", "title", "words"]);
    await writtenTo(folder, (store) => store.set("fresh", { title: "Again", words: 4, late: true }), {});
    await shows(page, "Again");
    t.deepEqual(await textsOf(page, ".heading .sorter"), ["id", "title", "words"]);
    await click(page, "button[aria-label=Columns]");
    await click(page, ".menu-item", "late");
    await shows(page, "true");
    t.deepEqual(await textsOf(page, ".heading .sorter"), ["id", "title", "words", "late"]);
  },
);
