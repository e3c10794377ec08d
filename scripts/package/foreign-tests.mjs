// `npm run test:foreign -- <platform> [<spec>...]`: runs tests with the binary that `npm run build:platforms` made for
// another platform, in a runtime for it. Only tests that start no process of their own can be run so; without names,
// some of them.

import { existsSync } from "node:fs";
import path from "node:path";
import { platforms } from "../platform-packages.mjs";
import { fail, requireModules, requireNode, root, run } from "../setup.mjs";
import { binaryOf } from "./cross-build.mjs";
import { foreignRuntime } from "./foreign.mjs";

const topics = [
  "writing/buffers",
  "checkpoints/thresholds",
  "store/open-and-close",
  "store/delta",
  "files/hostile-values",
  "writing/native-calls",
  "store/records",
];

requireNode();
requireModules();
const [platform, ...named] = process.argv.slice(2);
if (!(platform in platforms)) fail(`Name a platform: ${Object.keys(platforms).join(", ")}.`);
const binary = binaryOf(platform);
if (!existsSync(binary)) fail(`There is no ${binary}: \`npm run build:platforms -- ${platform}\` builds it.`);
const specs = named.length > 0 ? named : topics.map((topic) => path.join("__test__", `${topic}.spec.mjs`));
let runtime;
try {
  runtime = foreignRuntime(platform, path.join(root, ".cache", "runtimes"));
} catch (error) {
  fail(`${platform} cannot be run here: ${error.message}.`);
}
const ava = [path.join(root, "node_modules", "ava", "entrypoints", "cli.mjs"), "--worker-threads"];
const patient = ["--concurrency=1", "--timeout=10m"];
const env = { ...process.env, OPSLOG_NATIVE_PATH: binary };
if (!run(runtime.program, [...runtime.args, ...ava, ...patient, ...specs], { env })) process.exitCode = 1;
