/** A headless Chromium for the tests of the page, if the system has one. */
import { findChromium, startChromium } from "../../scripts/ui/browser.mjs";

/** How long something may take to be shown, on a machine that has other things to do. */
const WAIT_MS = Number(process.env.OPSLOG_UI_WAIT_MS ?? 60_000);

async function started() {
  const executable = findChromium();
  if (executable === null) return null;
  try {
    return await startChromium(executable);
  } catch (error) {
    console.error(`Chromium does not start: ${error.message}`);
    return null;
  }
}

/** The browser; `null` where there is none, or where it does not start. */
export const browser = await started();

/** Opens a page, and keeps what it complains about: `{ page, complaints }`. */
export async function openedPage(t, address, { width = 1280, height = 800, scheme = "light" } = {}) {
  const context = await browser.createBrowserContext();
  t.teardown(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(address).origin) && !/^(about|blob):/.test(request.url())) {
      complaints.push(`asked for ${request.url()}`);
    }
  });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(address);
  await page.waitForSelector("main");
  return { page, complaints };
}

/** Ends the browser. */
export async function endBrowser() {
  await browser?.close();
}

/** Waits until the page shows a text. */
export function shows(page, text) {
  return page.waitForFunction(
    (wanted) => document.body.innerText.includes(wanted),
    { timeout: WAIT_MS },
    text,
  );
}

/** The text that the elements show. */
export function textsOf(page, selector) {
  return page.$$eval(selector, (elements) => elements.map((element) => element.innerText));
}

/** Clicks what has this text. */
export async function clickText(page, selector, text) {
  const handle = await page.waitForFunction(
    (where, wanted) =>
      [...document.querySelectorAll(where)].find((element) => element.innerText.trim().startsWith(wanted)),
    { timeout: WAIT_MS },
    selector,
    text,
  );
  await handle.asElement().click();
}

/** The address of a view. */
export function viewOf(address, view, args = {}) {
  const parts = Object.entries(args).map(
    ([name, value]) => `${name}=${encodeURIComponent(JSON.stringify(value))}`,
  );
  return `${address}#/${view}?${parts.join("&")}`;
}
