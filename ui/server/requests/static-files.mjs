/** The files of the page, as they were built. Only these are ever sent. */
import { readFile } from "node:fs/promises";

const TYPES = {
  "index.html": "text/html; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
};

const BUILT = new URL("../../built/", import.meta.url);

/** Their contents by name. */
export async function readStaticFiles() {
  const names = Object.keys(TYPES);
  const texts = await Promise.all(
    names.map(async (name) => {
      try {
        return await readFile(new URL(name, BUILT));
      } catch (cause) {
        throw new Error('The page is not built: run "npm run build:ui" first.', { cause });
      }
    }),
  );
  return new Map(names.map((name, n) => [name, { type: TYPES[name], text: texts[n] }]));
}
