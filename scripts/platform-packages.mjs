// Writes npm/<platform>/package.json, one package per platform with nothing in it but the addon. The
// published package names them as optional dependencies, so that npm installs the one that fits.
//
//   node scripts/platform-packages.mjs           writes the templates, with the version of package.json
//   node scripts/platform-packages.mjs --link    also names them in package.json, for publishing

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./setup.mjs";

export const platforms = {
  "linux-x64-gnu": { os: ["linux"], cpu: ["x64"], libc: ["glibc"] },
  "linux-x64-musl": { os: ["linux"], cpu: ["x64"], libc: ["musl"] },
  "linux-arm64-gnu": { os: ["linux"], cpu: ["arm64"], libc: ["glibc"] },
  "linux-arm64-musl": { os: ["linux"], cpu: ["arm64"], libc: ["musl"] },
  "darwin-x64": { os: ["darwin"], cpu: ["x64"] },
  "darwin-arm64": { os: ["darwin"], cpu: ["arm64"] },
  "win32-x64-msvc": { os: ["win32"], cpu: ["x64"] },
  "win32-arm64-msvc": { os: ["win32"], cpu: ["arm64"] },
};

const readPackage = () => JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/** The package.json of a platform's package. */
export function platformPackage(triple, main = readPackage()) {
  const addon = `opslog.${triple}.node`;
  return {
    name: `${main.name}-${triple}`,
    version: main.version,
    description: `The native part of ${main.name} for ${triple}.`,
    license: main.license,
    author: main.author,
    repository: main.repository,
    homepage: main.homepage,
    bugs: main.bugs,
    publishConfig: main.publishConfig,
    main: addon,
    // Node takes the addon. A bundler takes a path to it, and with the condition `node-addons` the addon as well.
    exports: {
      ".": { "node-addons": `./${addon}`, default: "./locate.cjs" },
      "./package.json": "./package.json",
    },
    files: [addon, "locate.cjs", "sbom.cdx.json"],
    engines: main.engines,
    ...platforms[triple],
  };
}

/** What a bundler finds in the place of a platform's addon: where its file is, if that can be known in the bundle. */
export function locator(triple) {
  const file = `opslog.${triple}.node`;
  return `"use strict";\n\nmodule.exports = typeof __dirname === "string" ? __dirname + "/${file}" : undefined;\n`;
}

const print = (value) => `${JSON.stringify(value, null, 2)}\n`;

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const main = readPackage();
  for (const triple of Object.keys(platforms)) {
    const folder = path.join(root, "npm", triple);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "package.json"), print(platformPackage(triple, main)));
    writeFileSync(path.join(folder, "locate.cjs"), locator(triple));
  }
  if (process.argv.includes("--link")) {
    main.optionalDependencies = Object.fromEntries(
      Object.keys(platforms).map((triple) => [`${main.name}-${triple}`, main.version]),
    );
    writeFileSync(path.join(root, "package.json"), print(main));
  }
}
