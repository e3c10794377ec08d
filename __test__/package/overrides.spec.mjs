/** The lines in README.md that put this package in the place of 0.8.1, with the package managers that read them. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { install, keptFolder } from "../helpers/dependents.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../..", import.meta.url));
const shell = process.platform === "win32";
const managers = { pnpm: "10.34.9", yarn: "1.22.22", "yarn-newer": "npm:@yarnpkg/cli-dist@4.18.1" };

const readme = await readFile(join(project, "README.md"), "utf8");
const section = /^## Installation\n(.*?)^## /ms.exec(readme)[1];
const [npmLines, yarnLines] = [...section.matchAll(/^```json\n(.*?)^```/gms)].map(([, text]) =>
  JSON.parse(text),
);
const [[, pnpmLines]] = [...section.matchAll(/^```yaml\n(.*?)^```/gms)];

let tools;
let archives;

async function pack(folder, destination) {
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", destination], { cwd: folder, shell });
}

test.before("the package managers are installed, and the packages are packed", async (t) => {
  t.timeout(300_000);
  tools = join(await keptFolder(), "package-managers");
  await install(tools, { dependencies: managers });
  const folder = await mkdtemp(join(tmpdir(), "opslog-overrides-"));
  archives = join(folder, "archives");
  await mkdir(archives);
  await pack(project, archives);
  const dependent = { name: "dependent", version: "1.0.0", dependencies: { "@backloghq/opslog": "^0.8.1" } };
  await writeFile(join(folder, "package.json"), JSON.stringify(dependent));
  await writeFile(join(folder, "index.js"), 'module.exports = require("@backloghq/opslog");');
  await pack(folder, archives);
});

test.after.always(async () => {
  if (archives !== undefined) await rm(dirname(archives), { recursive: true, force: true });
});

const program = `
  const opslog = require("dependent");
  const store = new opslog.Store();
  store.open("data").then(async () => {
    await store.set("a", { n: 1 });
    await store.close();
    console.log(Object.is(opslog, require("@backloghq/opslog")), typeof opslog.Store.verify);
  });
`;

/** Installs a dependent with the lines of README.md, uses it and fails unless it uses ours. */
async function useWith(t, { lines, files = {}, installer, runner = [process.execPath] }) {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  for (const name of await readdir(archives)) await cp(join(archives, name), join(folder, name));
  const { dependencies } = npmLines;
  const manifest = { name: "application", version: "1.0.0", private: true, ...lines };
  manifest.dependencies = { ...dependencies, dependent: "file:./dependent-1.0.0.tgz" };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "program.cjs"), program);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await mkdir(join(folder, "cache"));
  const env = { ...process.env, YARN_CACHE_FOLDER: join(folder, "cache"), YARN_ENABLE_GLOBAL_CACHE: "false" };
  // What continuous integration forbids: there is no lock file to keep to.
  const options = { cwd: folder, env: { ...env, YARN_ENABLE_IMMUTABLE_INSTALLS: "false" }, shell };
  const [name, ...args] = installer;
  await run(name, args, options);
  const [node, ...before] = runner;
  const { stdout } = await run(node, [...before, "program.cjs"], options);
  t.is(stdout.trim(), "true function");
}

const tool = (...names) => join(tools, "node_modules", ...names);

test("the lines for npm in README.md, lead a dependent to this package", async (t) => {
  await useWith(t, {
    lines: npmLines,
    installer: ["npm", "install", "--no-audit", "--no-fund", "--offline"],
  });
});

test("the lines for pnpm in README.md, lead a dependent to this package", async (t) => {
  const installer = [process.execPath, tool("pnpm", "bin", "pnpm.cjs"), "install", "--no-frozen-lockfile"];
  await useWith(t, { files: { "pnpm-workspace.yaml": pnpmLines }, installer });
});

test("the lines for Yarn in README.md, lead a dependent to this package, with Yarn classic", async (t) => {
  const installer = [process.execPath, tool("yarn", "bin", "yarn.js"), "install", "--offline"];
  await useWith(t, { lines: yarnLines, installer });
});

for (const linker of ["node-modules", "pnp"]) {
  test(`the lines for Yarn in README.md, lead a dependent to this package, with newer Yarn, ${linker}`, async (t) => {
    const yarn = [process.execPath, tool("yarn-newer", "bin", "yarn.js")];
    const files = { ".yarnrc.yml": `nodeLinker: ${linker}\n`, "yarn.lock": "" };
    await useWith(t, { lines: yarnLines, files, installer: [...yarn, "install"], runner: [...yarn, "node"] });
  });
}
