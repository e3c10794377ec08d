// `npm run verify:package`: packs what is published, installs it from the tarballs into an empty folder elsewhere, with
// no Rust to be found, and uses it in every way and with every runtime that is supported. Binaries that
// `npm run build:platforms` made for other platforms are installed and used as well, as far as they can be run here.
// Prints a table; exits with 1 if a cell of it is not well.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { buildAddon } from "../build.mjs";
import { platforms } from "../platform-packages.mjs";
import { requireCargo, requireModules, requireNode, root } from "../setup.mjs";
import { columns, compile, foreignProject, project, row, runTool, withoutRust } from "./consumer.mjs";
import { binaryOf, buildFor, rustTargets } from "./cross-build.mjs";
import { foreignRuntime } from "./foreign.mjs";
import { inspect, inspectionTable } from "./inspect.mjs";
import { quickStartRows } from "./quick-start.mjs";
import { installRuntimes } from "./runtimes.mjs";
import { stage } from "./stage.mjs";
import { isFaulty, UNTESTED } from "./tools/cell.mjs";
import { toolTables, tryTools } from "./tools/main.mjs";
import { PLACES, typeRows } from "./types.mjs";
import { markdown as table } from "../windows/table.mjs";

const { platformTriple } = createRequire(import.meta.url)("../../lib/native/index.js");

/** Whether the packages that were installed tell npm to run anything. */
function withoutScripts(folder, platform) {
  const { name } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const read = (each) =>
    JSON.parse(readFileSync(path.join(folder, "node_modules", each, "package.json"), "utf8"));
  const scripts = [name, `${name}-${platform}`].flatMap((each) => Object.keys(read(each).scripts ?? {}));
  return scripts.length === 0 ? "ok" : `it said ${scripts.join(", ")}`;
}

/** A project in which the platform's package is missing, as after an installation without optional packages. */
function withoutBinary(folder, env, tarball) {
  project(folder, [tarball, "--omit=optional"], env);
  const script = `import { LamportClock, Store } from "@backloghq/opslog"; new LamportClock();
    new Store().open("never").catch(({ code, tried, message }) =>
      console.log(code, tried.length, message.includes("npm run build")));`;
  writeFileSync(path.join(folder, "missing.mjs"), script);
  const { stdout } = spawnSync(process.execPath, ["missing.mjs"], { cwd: folder, env, encoding: "utf8" });
  return stdout.trim() === "OPSLOG_NATIVE_UNAVAILABLE 2 true" ? "ok" : `it said ${stdout}`;
}

/** The same project with what that error says to do: a binary is built in a clone, this one, and named. */
function withBuiltBinary(folder, env) {
  const runtime = { name: "a binary that was built here", program: process.execPath, args: [] };
  const named = { ...env, OPSLOG_NATIVE_PATH: buildAddon() };
  const [, ...cells] = row(folder, named, runtime, ["import", "require"]);
  return cells.find((said) => said !== "ok") ?? "ok";
}

/** The short form of `npm run test:windows`: "ok", why it cannot be run here, or that it failed. */
function shortlyOnWindows() {
  const script = path.join(root, "scripts", "windows", "main.mjs");
  const { status, stdout } = spawnSync(process.execPath, [script, "--short"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.stdout.write(stdout);
  const [, reason] = /^Not tried on Windows: (.+)\.$/m.exec(stdout) ?? [];
  if (reason !== undefined) return { cell: UNTESTED, reason };
  return { cell: status === 0 ? "ok" : `exit ${status}` };
}

requireNode();
requireCargo();
requireModules();
const own = platformTriple();
// What would be published is what is tried. On other systems it is built elsewhere, and tried there by the release.
if (process.platform === "linux" && own in rustTargets && !existsSync(binaryOf(own))) buildFor(own);
const binaries = Object.fromEntries(
  Object.keys(platforms)
    .map((platform) => [platform, binaryOf(platform)])
    .filter(([, binary]) => existsSync(binary)),
);
const found = Object.entries(binaries).map(([platform, binary]) => inspect(platform, binary));
binaries[own] ??= buildAddon();

const folder = mkdtempSync(path.join(tmpdir(), "opslog-verify-"));
const cache = path.join(root, ".cache", "runtimes");
const env = withoutRust();
const tarballs = stage(path.join(folder, "tarballs"), binaries);

const developers = ["typescript@5.9", "@types/node@20", "esbuild", "publint", "@arethetypeswrong/cli"];
const consumer = project(
  path.join(folder, "consumer"),
  [tarballs.main.file, tarballs[own].file, ...developers],
  env,
);
compile(consumer, env);
const runtimes = installRuntimes(cache);
const rows = runtimes.map((runtime) => row(consumer, env, runtime));
const untested = [];

/** Why there is nothing to run of a platform, if so. */
function absence(platform) {
  if (platform in binaries) return undefined;
  return platform in rustTargets
    ? "not built here: `npm run build:platforms` does that"
    : "it can be built on Windows only; the release workflow builds and runs it";
}

for (const platform of Object.keys(platforms).filter((platform) => platform !== own)) {
  try {
    const absent = absence(platform);
    if (absent !== undefined) throw new Error(absent);
    const runtime = foreignRuntime(platform, cache);
    const dependencies = [tarballs.main.file, tarballs[platform].file];
    const place = path.join(folder, platform);
    rows.push(row(foreignProject(place, dependencies, consumer, env), env, runtime));
  } catch (error) {
    untested.push(`${platform}: ${error.message}.`);
    rows.push([platform, ...Object.keys(columns).map(() => UNTESTED)]);
  }
}
const node = runtimes.find(({ name }) => name.startsWith("Node 24")).program;
const typed = typeRows(path.join(folder, "types"), [tarballs.main.file], env, node);
const tools = tryTools(path.join(folder, "tools"), {
  env,
  tarballs: [tarballs.main.file, tarballs[own].file],
  runtimes,
  node,
  binary: binaries[own],
});
const publint = runTool(consumer, env, "publint", tarballs.main.file, "--strict");
const attw = runTool(consumer, env, "attw", tarballs.main.file, "--no-emoji");
const bare = path.join(folder, "without");
const windows = shortlyOnWindows();
if (windows.reason !== undefined) untested.push(`tests on Windows, under Wine: ${windows.reason}.`);
const started = quickStartRows(
  path.join(folder, "quick-start"),
  [tarballs.main.file, tarballs[own].file],
  env,
  runtimes,
);
const checks = [
  ...started,
  ["publint", publint.ok ? "ok" : publint.said],
  ["attw (are the types wrong)", attw.ok ? "ok" : attw.said],
  ["no binary installed: a clear error", withoutBinary(bare, env, tarballs.main.file)],
  ["no binary installed: one that `npm run build` made", withBuiltBinary(bare, env)],
  ["no script runs at installation", withoutScripts(consumer, own)],
  ["tests on Windows, under Wine (short form)", windows.cell],
];

console.log(`\n${table(["", ...Object.keys(columns)], rows)}`);
if (untested.length > 0) console.log(`\nUntested here:\n${untested.map((each) => `- ${each}`).join("\n")}`);
console.log(`\n${toolTables(tools)}`);
console.log(`\n${table(["declarations", ...PLACES], typed)}`);
console.log(`\n${table(["check", ""], checks)}`);
if (found.length > 0) console.log(`\n${inspectionTable(found)}`);
const sizes = Object.entries(tarballs).map(([name, { packed, unpacked }]) =>
  [name, packed, unpacked].map((size) => size.toLocaleString("en")),
);
console.log(`\n${table(["tarball", "bytes", "bytes, unpacked"], sizes)}`);
rmSync(folder, { recursive: true, force: true });
const ofTools = [...tools.bundled, ...tools.framed];
const cells = [...rows, ...typed, ...ofTools, ...checks].flatMap(([, ...said]) => said);
if (cells.some(isFaulty) || found.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
