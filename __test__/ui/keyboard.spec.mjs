/** The page by keyboard alone, in narrow windows: every control is reached, is seen while it has the focus, and lets go of it. */
import test from "ava";
import {
  becomes,
  goTo,
  has,
  openedPage,
  shows,
  testsInBrowser,
  textsOf,
  viewOf,
} from "../helpers/browser.mjs";
import { deskFolder } from "../helpers/desk.mjs";
import { served } from "../helpers/ui.mjs";

const inBrowser = testsInBrowser(test, "the page by keyboard");

const VIEWS = {
  records: {},
  "a record": { view: "records", args: { id: "job-1" } },
  history: { view: "history", args: { id: "job-1" } },
  time: { view: "time" },
  space: { view: "space" },
  health: { view: "health" },
  live: { view: "live" },
};

/** The element that has the focus: its name, what of it is out of the window, and whether its focus shows. `null` for the page. */
function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return null;
    const { left, right, top, bottom, width } = element.getBoundingClientRect();
    let [from, to] = [left, right];
    for (let each = element.parentElement; each !== null; each = each.parentElement) {
      if (getComputedStyle(each).overflowX === "visible") continue;
      const around = each.getBoundingClientRect();
      [from, to] = [Math.max(from, around.left), Math.min(to, around.right)];
    }
    const isMarked = (each) => {
      const { outlineStyle, boxShadow } = getComputedStyle(each);
      return outlineStyle !== "none" || boxShadow !== "none";
    };
    const marked = [
      element,
      ...element.querySelectorAll(".active, .heads"),
      element.closest(":focus-within"),
    ];
    return {
      name: `${element.tagName} ${element.getAttribute("aria-label") ?? element.innerText?.trim().slice(0, 30)}`,
      hidden: Math.round(width - Math.max(0, to - from)),
      isInWindow: top < globalThis.innerHeight && bottom > 0,
      isMarked:
        marked.some((each) => each !== null && isMarked(each)) ||
        element.parentElement.matches(":focus-within"),
    };
  });
}

for (const width of [320, 390])
  inBrowser(
    `every control of every view, reached with Tab in a window of ${width} pixels, is in sight and marked`,
    async (t) => {
      const ui = await served(t, await deskFolder(t), { write: true });
      for (const [name, { view = "records", args }] of Object.entries(VIEWS)) {
        const { page } = await openedPage(t, viewOf(ui.address, view, args), {
          width,
          height: 700,
          scheme: "dark",
        });
        await page.waitForSelector("main .view");
        await has(page, ".loading", 0);
        let count = 0;
        for (; count < 40; count++) {
          await page.keyboard.press("Tab");
          const found = await focused(page);
          if (found === null) break;
          const { hidden, isInWindow, isMarked } = found;
          t.deepEqual(
            { isInWindow, isMarked },
            { isInWindow: true, isMarked: true },
            `${name}: ${found.name}`,
          );
          t.true(hidden <= 2, `${name}: ${hidden} pixels of ${found.name} are cut off`);
        }
        t.true(count >= 9, `${name}: ${count}`);
        await page.close();
      }
    },
  );

inBrowser(
  "by keyboard alone, a record is sought, opened, its history read and a version restored",
  async (t) => {
    const ui = await served(t, await deskFolder(t), { write: true });
    const { page, complaints } = await openedPage(t, ui.address, { width: 390, height: 700, scheme: "dark" });
    await page.waitForSelector(".room .row");
    const tabTo = async (name) => {
      for (let n = 0; n < 60; n++) {
        await page.keyboard.press("Tab");
        if ((await focused(page))?.name.includes(name)) return;
      }
      t.fail(`${name} is not reached`);
    };
    await page.keyboard.press("/");
    await becomes(page, () => document.activeElement.matches(".search input"));
    await page.keyboard.type("job-1");
    // The search has been made when no other record is listed: the first one is the same before.
    await becomes(page, () => {
      const ids = [...document.querySelectorAll(".room .row .id-cell")].map((cell) => cell.innerText.trim());
      return ids.length > 0 && ids.every((id) => id.startsWith("job-1"));
    });
    await tabTo("Records");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".panel .panel-tools");
    await tabTo("BUTTON History");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".entry-head");
    await page.keyboard.press("Escape");
    await has(page, ".panel", 0);
    t.true((await textsOf(page, ".room .row .id-cell")).length > 0);
    await goTo(page, viewOf(ui.address, "history", { id: "job-1" }));
    await page.waitForSelector(".entry-head");
    await tabTo("created");
    await page.keyboard.press("Enter");
    await shows(page, "Restore this version");
    t.deepEqual(complaints, []);
  },
);
