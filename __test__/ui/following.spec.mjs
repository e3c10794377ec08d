/** The page follows the store: no change is missed, whatever the browser and the server were doing when it was made. */
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { browser, click, endBrowser, openedPage, shows, viewOf } from "../helpers/browser.mjs";
import { deskFolder, writtenTo } from "../helpers/desk.mjs";
import { called, served } from "../helpers/ui.mjs";
import { until } from "../helpers/until.mjs";

const inBrowser = browser === null ? () => {} : test.serial;
if (browser === null)
  test("the page follows", (t) => {
    t.log("Not tested: no Chromium was found that starts.");
    t.pass();
  });

test.after.always(endBrowser);

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
