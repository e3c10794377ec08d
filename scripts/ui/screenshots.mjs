// Takes pictures of each view of the page, over a store that the demo makes, into docs/images/ui: light and dark, wide and narrow.
// `node scripts/ui/screenshots.mjs [folder]`

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fail, root } from "../setup.mjs";
import { findChromium, startChromium } from "./browser.mjs";
import { buildPage } from "./build.mjs";
import { makeDemoStore } from "./demo-store.mjs";

const WIDE = { width: 1360, height: 820 };
const NARROW = { width: 390, height: 780 };
const QUALITY = 80;

const pack = (args) =>
  Object.entries(args)
    .map(([name, value]) => `${name}=${encodeURIComponent(JSON.stringify(value))}`)
    .join("&");
const hash = (view, args = {}) => `#/${view}?${pack(args)}`;

/** What is to be seen in each picture. */
const SHOTS = [
  { name: "records", hash: hash("records") },
  { name: "record", hash: hash("records", { id: "契約-0412" }) },
  {
    name: "query",
    hash: hash("records", {
      mode: "query",
      text: 'status: "review", words: {$gt: 8000}',
      sort: { words: -1 },
    }),
  },
  { name: "history", hash: hash("history", { id: "契約-0412" }), click: ".entry:nth-of-type(3) .entry-head" },
  { name: "time", hash: hash("time", { at: Date.now() - 3.4 * 86_400_000 }) },
  { name: "space", hash: hash("space") },
  { name: "health", hash: hash("health"), click: ".verdict .button", until: ".verdict.good" },
  { name: "live", hash: hash("live") },
];

async function shoot(page, { address, shot, size, scheme, file }) {
  await page.setViewport({ ...size, deviceScaleFactor: 1 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto("about:blank");
  await page.goto(`${address}${shot.hash}`);
  await page.waitForSelector("main .view");
  await page.waitForFunction(() => document.querySelector(".loading") === null);
  if (shot.click) {
    await page.waitForSelector(shot.click);
    await page.click(shot.click);
  }
  if (shot.until) await page.waitForSelector(shot.until);
  // The folder is a temporary one, with another name each time.
  await page.$eval(".folder-path bdi", (path) => (path.textContent = "~/stores/"));
  await new Promise((resolve) => setTimeout(resolve, 700));
  await page.screenshot({ path: file, type: "webp", quality: QUALITY });
}

const executable = findChromium();
if (executable === null) fail("The pictures need Chromium: install it, or name it with CHROMIUM=<path>.");
const target = path.resolve(process.argv[2] ?? path.join(root, "docs", "images", "ui"));
await mkdir(target, { recursive: true });
await buildPage();
const { serveUi } = await import("../../ui/server/main.mjs");
const work = await mkdtemp(path.join(tmpdir(), "opslog-ui-"));
const folder = path.join(work, "translation-desk");
await makeDemoStore(folder);
const { address, close } = await serveUi(folder, { write: true });
const browser = await startChromium(executable);
try {
  for (const [size, suffix, schemes] of [
    [WIDE, "", ["light", "dark"]],
    [NARROW, "-narrow", ["light"]],
  ]) {
    for (const scheme of schemes) {
      const page = await browser.newPage();
      page.on("console", (message) => message.type() === "error" && console.error(message.text()));
      page.on("pageerror", (error) => console.error(error));
      for (const shot of SHOTS) {
        const file = path.join(target, `${shot.name}${suffix}${suffix === "" ? `-${scheme}` : ""}.webp`);
        await shoot(page, { address, shot, size, scheme, file });
      }
      await page.close();
    }
  }
} finally {
  await browser.close();
  await close();
  await rm(work, { recursive: true, force: true });
}
