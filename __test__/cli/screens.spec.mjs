/**
 * The screens of the program: what each command shows on terminals of three widths, as it is kept in golden/. `npm run screens` writes these
 * files, and the picture in README.md, anew; look at what changed before you commit it (`cat` shows the colours).
 */
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import test from "ava";
import { widthOf } from "../../cli/terminal/text-width.mjs";
import { hasTerminal } from "../helpers/cli.mjs";
import { makeFolders } from "./screens/folders.mjs";
import { draw } from "./screens/drawing.mjs";
import { WIDTHS, screens, session } from "./screens/list.mjs";
import { commandLine, showScreen, showSession } from "./screens/screen.mjs";

const golden = new URL("golden/", import.meta.url);
const fileOf = (name, columns) => new URL(`${name}.${columns}.txt`, golden);
const isWriting = process.env.WRITE_SCREENS === "1";

// Elsewhere the folders for temporary files have longer names, and lines break at other places.
const canShow = hasTerminal && process.platform === "linux";
const onTerminal = canShow ? test : test.skip;

let folders;
test.before(async () => {
  if (!canShow) return;
  folders = await makeFolders();
  await mkdir(golden, { recursive: true });
});
test.after.always(() => folders && rm(folders, { recursive: true, force: true }));

const withoutColours = (text) =>
  text
    .split("\u001b")
    .map((part, at) => (at === 0 ? part : part.replace(/^\[\d+m/, "")))
    .join("");
// JSON and CSV are for copying: the terminal breaks their lines itself.
const isData = (name) => name === "get" || name === "export-as-csv";

for (const [name, args] of Object.entries(screens))
  onTerminal(`${name}, at ${WIDTHS.join(", ")} columns, looks as it is kept`, async (t) => {
    for (const columns of WIDTHS) {
      const shown = await showScreen(folders, args, columns);
      const text = `${commandLine(args)}\n${shown}`;
      if (isWriting) await writeFile(fileOf(name, columns), text);
      t.is(text, await readFile(fileOf(name, columns), "utf8"));
      if (isData(name)) continue;
      for (const line of withoutColours(shown).split("\n")) t.true(widthOf(line) <= columns, line);
    }
  });

const narrow = [
  "stats",
  "stats-of-agents",
  "ls",
  "ls-with-fields",
  "log",
  "history",
  "undo",
  "verify-of-a-damaged-store",
];

for (const columns of [20, 24])
  onTerminal(`on a terminal of ${columns} columns, no line is wider than it`, async (t) => {
    for (const name of narrow) {
      const shown = withoutColours(await showScreen(folders, screens[name], columns));
      // A path stays in one piece, so that it can be copied.
      for (const line of shown.split("\n"))
        t.true(widthOf(line) <= columns || !line.includes(" "), `${name}: ${line}`);
      if (name.startsWith("stats")) t.regex(shown, /^records\n {2}\d+\noperations\n/);
    }
  });

onTerminal("the picture in README.md, is what its session shows", async (t) => {
  const text = await showSession(folders, session, 92);
  const image = draw(text, 92, "A session of the command line");
  const file = new URL("../../docs/images/session.svg", import.meta.url);
  if (isWriting) await writeFile(file, image);
  t.is(image, await readFile(file, "utf8"));
});

onTerminal("the golden files are those of the screens, and no others", async (t) => {
  const wanted = Object.keys(screens).flatMap((name) => WIDTHS.map((columns) => `${name}.${columns}.txt`));
  const found = await readdir(fileURLToPath(golden));
  if (!isWriting) t.deepEqual(found.sort(), wanted.sort());
  else for (const name of found) if (!wanted.includes(name)) await rm(new URL(name, golden));
  t.pass();
});

/** Colours by their codes, and the background, as terminals have them that many people use. */
const PALETTES = {
  "xterm, dark": { 31: "cd0000", 32: "00cd00", 35: "cd00cd", background: "000000" },
  "xterm, light": { 31: "cd0000", 32: "00cd00", 35: "cd00cd", background: "ffffff" },
  "VS Code, dark": { 31: "cd3131", 32: "0dbc79", 35: "bc3fbc", background: "1e1e1e" },
  "VS Code, light": { 31: "cd3131", 32: "107c10", 35: "bc05bc", background: "ffffff" },
  "Solarized, dark": { 31: "dc322f", 32: "859900", 35: "d33682", background: "002b36" },
  "Solarized, light": { 31: "dc322f", 32: "859900", 35: "d33682", background: "fdf6e3" },
  "Terminal.app, light": { 31: "990000", 32: "00a600", 35: "b200b2", background: "ffffff" },
};

/** Luminance as the WCAG have it. */
function luminance(colour) {
  const [red, green, blue] = [0, 2, 4]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("the screens have only such colours as can be read on light and on dark terminals", async (t) => {
  const used = new Set();
  for (const name of await readdir(fileURLToPath(golden))) {
    const text = await readFile(new URL(name, golden), "utf8");
    for (const part of text.split("\u001b").slice(1)) used.add(/^\[(\d+)m/.exec(part)[1]);
  }
  // Bold and dim are the terminal's own text colour.
  const colours = [...used].filter((code) => !["0", "1", "2"].includes(code));
  t.deepEqual(colours.sort(), ["31", "32", "35"]);
  for (const [terminal, { background, ...palette }] of Object.entries(PALETTES))
    for (const code of colours) {
      const [one, other] = [luminance(palette[code]), luminance(background)].sort();
      t.true((other + 0.05) / (one + 0.05) > 2, `${code} on ${terminal}`);
    }
});
