/** A headless Chromium for the tests of the page, if the system has one: on a machine that has other things to do as well. */
import { setTimeout as sleep } from "node:timers/promises";
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
const browser = await started();

/** Opens a page, and keeps what it complains about: `{ page, complaints }`. `prepare(page)` comes before its address. */
export async function openedPage(
  t,
  address,
  { width = 1280, height = 800, scheme = "light", prepare = () => {} } = {},
) {
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
  await prepare(page);
  await page.goto(address);
  await page.waitForSelector("main");
  return { page, complaints };
}

/** Ends the browser. */
async function endBrowser() {
  await browser?.close();
}

/** Declares tests in the browser, one after the other: `inBrowser(title, test)`. Where there is none, one test about `topic` says so. */
export function testsInBrowser(test, topic) {
  test.after.always(endBrowser);
  if (browser !== null) return test.serial;
  test(topic, (t) => {
    t.log("Not tested: no Chromium was found that starts. Install one, or name it with CHROMIUM=<path>.");
    t.pass();
  });
  return () => {};
}

/** Waits until a function of the page returns something, and resolves with its handle. Says what is shown if that does not happen. */
export async function becomes(page, condition, ...args) {
  try {
    return await page.waitForFunction(condition, { timeout: WAIT_MS }, ...args);
  } catch (error) {
    const [hash, text] = await page.evaluate(() => [location.hash, document.body.innerText]).catch(() => []);
    throw new Error(
      `${error.message}: ${condition} ${JSON.stringify(args)}\nThe page at ${hash} shows:\n${text?.slice(0, 2000)}`,
      { cause: error },
    );
  }
}

/** Waits until the page shows a text. */
export function shows(page, text) {
  return becomes(page, (wanted) => document.body.innerText.includes(wanted), text);
}

/** Waits until so many elements are there. */
export function has(page, selector, count) {
  return becomes(
    page,
    (where, wanted) => document.querySelectorAll(where).length === wanted,
    selector,
    count,
  );
}

/** The text that the elements show. */
export function textsOf(page, selector) {
  return page.$$eval(selector, (elements) => elements.map((element) => element.innerText));
}

/** Until it is called off, a click takes effect on this element alone, and is noted. */
function aim(element) {
  const types = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
  let isReached = false;
  const look = (event) => {
    if (element.contains(event.target)) isReached ||= event.type === "click";
    else {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  };
  for (const type of types) addEventListener(type, look, { capture: true });
  globalThis.callOff = () => {
    for (const type of types) removeEventListener(type, look, { capture: true });
    return isReached;
  };
}

/**
 * Clicks the first element with this selector whose text begins so, once it can be clicked. NOTE: a page moves, and draws elements anew:
 * what was measured a moment ago may be elsewhere when the mouse is there. A click that meets something else does nothing and is repeated.
 */
export async function click(page, selector, text = "") {
  for (const until = Date.now() + WAIT_MS; ;) {
    const found = await becomes(
      page,
      (where, wanted) =>
        [...document.querySelectorAll(where)].find(
          (element) => element.innerText.trim().startsWith(wanted) && !element.disabled,
        ),
      selector,
      text,
    );
    const element = found.asElement();
    let failure = null;
    try {
      await element.evaluate(aim);
      await element.click();
    } catch (error) {
      // It is gone, or nothing of it is in sight.
      failure = error;
    }
    if (await page.evaluate(() => globalThis.callOff?.() ?? false)) return;
    if (Date.now() > until) throw failure ?? new Error(`${selector} ${text} cannot be clicked`);
    await sleep(50);
  }
}

/** Gives the focus to an element, and presses keys. */
export async function press(page, selector, ...keys) {
  await page.waitForSelector(selector);
  await page.focus(selector);
  await becomes(page, (where) => document.activeElement.matches(where), selector);
  for (const key of keys) await page.keyboard.press(key);
}

/** Types behind what stands in a field. Each letter must be there afterwards: a page loses none. */
export async function typeInto(page, selector, text) {
  await press(page, selector);
  const before = await page.$eval(selector, (field) => field.value);
  await page.keyboard.type(text);
  await becomes(
    page,
    (where, wanted) => document.querySelector(where)?.value === wanted,
    selector,
    before + text,
  );
}

/** The address of a view. */
export function viewOf(address, view, args = {}) {
  const parts = Object.entries(args).map(
    ([name, value]) => `${name}=${encodeURIComponent(JSON.stringify(value))}`,
  );
  return `${address}#/${view}?${parts.join("&")}`;
}

/** Goes to another view of the page that is open, and waits until that is drawn. */
export function goTo(page, address) {
  return page.evaluate(
    (hash) =>
      new Promise((resolve) => {
        if (location.hash === hash) return resolve();
        addEventListener("hashchange", () => setTimeout(resolve), { once: true });
        location.hash = hash;
      }),
    new URL(address).hash,
  );
}
