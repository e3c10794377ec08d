// Builds the page of `opslog ui` into ui/built/, unless it is up to date: its sources, the view library and the chart library in one file, and
// its styles in another. `--force` builds in any case.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { digest, fail, isStamped, root, stamp } from "../setup.mjs";
import { BUNDLED } from "./bundled.mjs";

/** All files of the page together, compressed. */
const MOST_BYTES = 200_000;

const source = path.join(root, "ui", "page");
const built = path.join(root, "ui", "built");
const NAMES = ["index.html", "icon.svg", "page.js", "page.css", "licenses.txt"];

function sources() {
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name).replaceAll(path.sep, "/"))
    .sort();
  const packages = BUNDLED.map((name) => path.join(root, "node_modules", name, "package.json"));
  return [...files, ...packages, fileURLToPath(import.meta.url)];
}

/** The licences of what is bundled, which ask to be passed on. */
function licenses() {
  return BUNDLED.map((name) => {
    const folder = path.join(root, "node_modules", name);
    const { version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(path.join(folder, "LICENSE"), "utf8").trim()}\n`;
  }).join(`\n${"-".repeat(80)}\n\n`);
}

/** Puts a file into its place as a whole: a server may read it meanwhile. */
function put(name, content) {
  const temporary = path.join(built, `${name}.${process.pid}.tmp`);
  writeFileSync(temporary, content);
  renameSync(temporary, path.join(built, name));
}

/** Builds the page if its sources changed. Returns the sizes of its files, compressed. */
export function buildPage({ force = false } = {}) {
  const wanted = digest(sources());
  const isThere = NAMES.every((name) => existsSync(path.join(built, name)));
  if (force || !isThere || !isStamped("page", wanted)) {
    mkdirSync(built, { recursive: true });
    // Loaded here, since commands that need the page install what it is built with.
    const { buildSync } = createRequire(import.meta.url)("esbuild");
    const { outputFiles } = buildSync({
      entryPoints: { page: path.join(source, "main.jsx") },
      outdir: built,
      bundle: true,
      write: false,
      minify: true,
      legalComments: "none",
      format: "esm",
      target: ["chrome110", "firefox115", "safari16.4"],
      jsx: "automatic",
      jsxImportSource: "preact",
      logLevel: "warning",
    });
    for (const file of outputFiles) put(path.basename(file.path), file.contents);
    put("licenses.txt", licenses());
    for (const name of ["index.html", "icon.svg"]) {
      copyFileSync(path.join(source, name), path.join(built, name));
    }
    stamp("page", wanted);
  }
  const sizes = Object.fromEntries(
    NAMES.map((name) => [name, gzipSync(readFileSync(path.join(built, name)), { level: 9 }).length]),
  );
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  if (total > MOST_BYTES) fail(`The page has ${total} bytes, compressed; it may have ${MOST_BYTES}.`);
  return { ...sizes, total };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, size] of Object.entries(buildPage({ force: process.argv.includes("--force") }))) {
    console.log(`${name.padEnd(14)}${String(size).padStart(8)} bytes, compressed`);
  }
}
