/**
 * The screens in golden/ as terminals show them, light and dark, at each width: one image for all screens. `npm run screens` draws
 * these images anew; look at them before you commit them.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import test from "ava";
import { THEMES, draw } from "./screens/drawing.mjs";
import { WIDTHS, screens } from "./screens/list.mjs";

const golden = new URL("golden/", import.meta.url);
const galleries = new URL("galleries/", import.meta.url);
const isWriting = process.env.WRITE_SCREENS === "1";

async function allScreens(columns) {
  const names = Object.keys(screens);
  const texts = await Promise.all(
    names.map((name) => readFile(new URL(`${name}.${columns}.txt`, golden), "utf8")),
  );
  return texts.map((text) => text.trimEnd()).join("\n\n");
}

for (const columns of WIDTHS)
  for (const theme of Object.keys(THEMES))
    test(`all screens at ${columns} columns, on a ${theme} terminal, look as they are kept`, async (t) => {
      const title = `Screens of the command line, ${columns} columns, ${theme}`;
      const image = draw(await allScreens(columns), columns, title, theme);
      const file = new URL(`${columns}.${theme}.svg`, galleries);
      if (isWriting) {
        await mkdir(galleries, { recursive: true });
        await writeFile(file, image);
      }
      t.is(image, await readFile(file, "utf8"));
    });
