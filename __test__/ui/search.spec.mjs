/** The search of the page while a person types faster than the page follows: what is typed stays, and nothing else is undone. */
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import {
  becomes,
  click,
  has,
  openedPage,
  press,
  shows,
  testsInBrowser,
  textsOf,
  typeInto,
  viewOf,
} from "../helpers/browser.mjs";
import { deskFolder } from "../helpers/desk.mjs";
import { served } from "../helpers/ui.mjs";

const inBrowser = testsInBrowser(test, "the search of the page");

const FIELD = ".search input";
/** Longer than the page waits before it searches for what was typed. */
const PAST_ALL_TIMERS_MS = 1000;

async function opened(t, args) {
  const ui = await served(t, await deskFolder(t));
  const { page } = await openedPage(t, viewOf(ui.address, "records", args));
  await shows(page, "Tide tables");
  return page;
}

/** Types, sends that if a form is named, and clicks: all of it sooner than the page searches by itself. */
const actQuickly = (page, ...args) =>
  page.evaluate(
    async (field, text, form, clicked) => {
      const pause = () => new Promise((resolve) => setTimeout(resolve, 60));
      document.querySelector(field).focus();
      document.execCommand("insertText", false, text);
      await pause();
      if (form) document.querySelector(form).requestSubmit();
      await pause();
      document.querySelector(field).blur();
      document.querySelector(clicked).click();
    },
    ...args,
  );

const argsOf = (page) =>
  page.evaluate(() => {
    const parts = new URLSearchParams(location.hash.split("?")[1]);
    return Object.fromEntries([...parts].map(([name, value]) => [name, JSON.parse(value)]));
  });

inBrowser(
  "a search that Enter has sent, is not sent again over an order that was chosen meanwhile",
  async (t) => {
    const page = await opened(t, { mode: "query" });
    await actQuickly(page, FIELD, "words: {$gt: 30}", ".search", ".heading [aria-colindex='5'] .sorter");
    await sleep(PAST_ALL_TIMERS_MS);
    t.deepEqual(await argsOf(page), { mode: "query", text: "words: {$gt: 30}", sort: { words: 1 } });
    t.deepEqual((await textsOf(page, ".room .row .id-cell"))[0], "חוזה-3");
  },
);

inBrowser("a search that is typed when a record is opened, is made, and the record stays open", async (t) => {
  const page = await opened(t);
  await typeInto(page, FIELD, "job");
  await click(page, ".room .row .id-cell", "job-1");
  await sleep(PAST_ALL_TIMERS_MS);
  t.deepEqual(await argsOf(page), { mode: "id", text: "job", id: "job-1" });
  t.deepEqual(await textsOf(page, ".panel-id"), ["job-1"]);
});

inBrowser(
  "letters that are typed while the page takes in the search, are kept and searched for",
  async (t) => {
    const page = await opened(t);
    await page.evaluate((where) => {
      addEventListener("hashchange", () => document.execCommand("insertText", false, "-1"), { once: true });
      document.querySelector(where).focus();
    }, FIELD);
    await page.keyboard.type("job");
    await becomes(page, () => location.hash.includes("job-1"));
    t.is(await page.$eval(FIELD, (field) => field.value), "job-1");
  },
);

inBrowser("text that is typed slowly on a slow machine, is there letter by letter", async (t) => {
  const page = await opened(t, { mode: "query" });
  const session = await page.createCDPSession();
  await session.send("Emulation.setCPUThrottlingRate", { rate: 20 });
  const text = 'status: "open", words: {$gt: 30}';
  await press(page, FIELD);
  // Around the time after which the page searches by itself.
  for (const [at, letter] of [...text].entries()) {
    await page.keyboard.type(letter);
    if (at % 3 === 0) await sleep(560 + 8 * at);
  }
  await becomes(page, (where, wanted) => document.querySelector(where).value === wanted, FIELD, text);
  await has(page, ".room .row", 1);
  t.is(await page.$eval(FIELD, (field) => field.value), text);
});

inBrowser(
  "the kind of search that is changed right after typing, has an empty field, and stays so",
  async (t) => {
    const page = await opened(t);
    await typeInto(page, FIELD, "job");
    await click(page, ".search button", "Query");
    await typeInto(page, FIELD, "words: 900");
    await has(page, ".room .row", 1);
    t.deepEqual(await argsOf(page), { mode: "query", text: "words: 900" });
    t.is(await page.$eval(FIELD, (field) => field.value), "words: 900");
  },
);

inBrowser(
  "a search, is what the address says after going back, and is emptied with the focus in its field",
  async (t) => {
    const page = await opened(t);
    await typeInto(page, FIELD, "job");
    await has(page, ".room .row", 1);
    await page.goBack();
    await has(page, ".room .row", 3);
    t.is(await page.$eval(FIELD, (field) => field.value), "");
    await page.goForward();
    await has(page, ".room .row", 1);
    t.is(await page.$eval(FIELD, (field) => field.value), "job");
    await click(page, ".search .icon-button");
    await has(page, ".room .row", 3);
    t.true(await page.$eval(FIELD, (field) => field.value === "" && field === document.activeElement));
  },
);
