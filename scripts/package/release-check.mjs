// `node scripts/package/release-check.mjs <tag>`: says whether everything is there for a release of that tag.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { platforms } from "../platform-packages.mjs";
import { fail, root } from "../setup.mjs";
import { binaryOf } from "./cross-build.mjs";

const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const [tag] = process.argv.slice(2);
if (tag !== `v${version}`) fail(`The tag is ${tag}, the version ${version}.`);
const missing = Object.keys(platforms).filter((platform) => !existsSync(binaryOf(platform)));
if (missing.length > 0) fail(`No binary for ${missing.join(", ")}.`);
console.log(`Ready to publish ${version} for ${Object.keys(platforms).length} platforms.`);
