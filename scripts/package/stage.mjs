// The packages as they are published: the package itself, which names one package for each platform as an optional
// dependency and has no binary, and the platforms' own.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { locator, platformPackage, platforms } from "../platform-packages.mjs";
import { fail, root } from "../setup.mjs";
import { buildPage } from "../ui/build.mjs";
import { BILL, packageBill, platformBill } from "./bill-of-materials.mjs";
import { ENTRIES, bundleFacade } from "./facade.mjs";
import { publishedDocuments, withAbsoluteLinks } from "./links.mjs";

const print = (value) => `${JSON.stringify(value, null, 2)}\n`;
const readPackage = () => JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/** Packs a folder into another with npm. Returns the tarball and its sizes. */
function pack(folder, destination) {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", destination];
  const shell = process.platform === "win32";
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8", shell });
  if (status !== 0) fail(`npm pack in ${folder}: ${stderr}`);
  const [{ filename, size, unpackedSize }] = JSON.parse(stdout);
  return { file: path.join(destination, filename), packed: size, unpacked: unpackedSize };
}

/**
 * What is published of the package: its JavaScript in few files, its types and its programs, but no binary, and nothing that
 * only its developers need. Its texts are those that the README leads to; their other links lead to the repository.
 */
function stagePackage(folder) {
  buildPage();
  const { devDependencies, scripts, ava, ...main } = readPackage();
  const put = (name, text) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  const copied = main.files.filter(
    (name) => ![...ENTRIES, "lib/"].includes(name) && !name.startsWith("native"),
  );
  for (const name of [...copied, "LICENSE"]) {
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  const documents = publishedDocuments();
  for (const name of documents) put(name, withAbsoluteLinks(name, main, documents));
  const bundled = Object.assign({}, ...ENTRIES.map((entry) => bundleFacade(entry).files));
  for (const [name, text] of Object.entries(bundled)) put(name, text);
  put(BILL, print(packageBill()));
  const names = Object.keys(platforms).map((platform) => [`${main.name}-${platform}`, main.version]);
  const files = [...copied, ...Object.keys(bundled), ...documents, BILL];
  put("package.json", print({ ...main, files, optionalDependencies: Object.fromEntries(names) }));
}

function stagePlatform(platform, binary, folder) {
  const manifest = platformPackage(platform);
  writeFileSync(path.join(folder, "package.json"), print(manifest));
  writeFileSync(path.join(folder, "locate.cjs"), locator(platform));
  writeFileSync(path.join(folder, BILL), print(platformBill(platform, binary)));
  cpSync(binary, path.join(folder, manifest.main));
  cpSync(path.join(root, "LICENSE"), path.join(folder, "LICENSE"));
}

/**
 * Packs the package and the packages of those platforms whose binaries are given, by platform. Returns the tarballs,
 * that of the package itself as `main`.
 */
export function stage(folder, binaries) {
  rmSync(folder, { recursive: true, force: true });
  const staged = (name, fill) => {
    const inside = path.join(folder, name);
    mkdirSync(inside, { recursive: true });
    fill(inside);
    return pack(inside, folder);
  };
  const tarballs = { main: staged("main", stagePackage) };
  for (const [platform, binary] of Object.entries(binaries)) {
    tarballs[platform] = staged(platform, (inside) => stagePlatform(platform, binary, inside));
  }
  return tarballs;
}

// `node scripts/package/stage.mjs <folder>`: packs everything that npm/ has binaries for, as the release does.
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) fail("Usage: node scripts/package/stage.mjs <folder>");
  const found = Object.keys(platforms)
    .map((platform) => [platform, path.join(root, "npm", platform, `opslog.${platform}.node`)])
    .filter(([, binary]) => existsSync(binary));
  for (const { file } of Object.values(stage(path.resolve(folder), Object.fromEntries(found))))
    console.log(file);
}
