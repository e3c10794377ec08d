/** The command line: its help, its usage, and what it is made of. */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { Store } from "../../index.mjs";
import { cli, cliJson } from "../helpers/cli.mjs";
import { contents, temporaryFolder } from "../helpers/store-folder.mjs";

const operands = (folder) => ({
  stats: [],
  ls: [],
  find: ["n=1"],
  get: ["id"],
  log: [],
  history: ["id"],
  diff: ["id", "1h"],
  at: ["1h"],
  set: ["id", "1"],
  rm: ["id"],
  undo: [],
  revert: ["1h"],
  backup: [join(folder, "to")],
  export: [],
  import: [],
  verify: [],
  repair: [],
  recover: [join(folder, "to")],
  compact: [],
  prune: [],
});
const names = Object.keys(operands(""));
const root = fileURLToPath(new URL("../..", import.meta.url));

test("without a command, prints the help and ends with 2; --help and help with 0", async (t) => {
  const bare = await cli(t, []);
  t.is(bare.status, 2);
  for (const args of [["--help"], ["-h"], ["help"]]) {
    t.deepEqual(await cli(t, args), { ...bare, status: 0 });
  }
  for (const name of names) t.true(bare.stdout.includes(`\n  ${name} <folder>`), name);
  t.regex(bare.stdout, /Exit status: 0 done, 1 damaged, missing or failed, 2 wrong command line/);
});

for (const name of names) {
  test(`${name} --help, tells of its options and ends with 0`, async (t) => {
    const help = await cli(t, [name, "--help"]);
    t.is(help.status, 0);
    t.is(help.stderr, "");
    t.true(help.stdout.includes(`Usage: opslog ${name} <folder>`));
    t.true(help.stdout.includes("--json"));
    t.deepEqual(await cli(t, ["help", name]), help);
  });

  test(`${name}, with an unknown option, without a folder or with too much, ends with 2`, async (t) => {
    const isEndless = name === "rm" || name === "find";
    for (const args of [["x", "--nonsense"], [], ...(isEndless ? [] : [["a", "b", "c", "d", "e"]])]) {
      const { status, stdout, stderr } = await cli(t, [name, ...args]);
      t.is(status, 2);
      t.is(stdout, "");
      t.regex(stderr, /^opslog: .+\nTry "opslog \w+ --help"\.\n$/);
    }
  });

  test(`${name}, where no store is, says so, ends with 1 and creates nothing`, async (t) => {
    if (name === "import") return void t.pass();
    const folder = await temporaryFolder(t);
    const rest = operands(folder)[name];
    for (const place of [folder, join(folder, "nowhere")]) {
      const { status, stdout, stderr } = await cli(t, [name, place, ...rest]);
      t.deepEqual({ status, stdout }, { status: 1, stdout: "" });
      t.regex(stderr, /^opslog: There is no store in .*\n$/);
    }
    const { stderr } = await cliJson(t, [name, folder, ...rest]);
    t.is(JSON.parse(stderr).error.code, "OPSLOG_NO_STORE");
    t.deepEqual(await contents(folder), {});
  });
}

test("commands in a folder with another program's manifest.json, say what it may be and leave it as it is", async (t) => {
  const folder = await temporaryFolder(t);
  const manifest = '{"name":"an app","icons":[]}';
  await writeFile(join(folder, "manifest.json"), manifest);
  for (const name of names) {
    const { status, stdout, stderr } = await cli(t, [name, folder, ...operands(folder)[name]], { input: "" });
    t.is(status, 1, name);
    if (name === "recover") t.regex(stderr, /^opslog: There is no store in /);
    else if (name === "verify" || name === "repair")
      t.true(stdout.includes("manifest.json, byte 0: the manifest is not valid"));
    else t.regex(stderr, /^opslog: The store is damaged, or this is no store of opslog: .*manifest\.json: /m);
    t.is(await readFile(join(folder, "manifest.json"), "utf8"), manifest);
  }
});

test("an unknown command or option before it, ends with 2", async (t) => {
  for (const args of [["nonsense", "x"], ["--nonsense"], ["__proto__", "x"], ["toString", "x"]]) {
    const { status, stderr } = await cli(t, args);
    t.is(status, 2);
    t.regex(stderr, /there is no (command|option)/);
  }
});

test("--version, prints the package's", async (t) => {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  t.deepEqual(await cli(t, ["--version"]), { status: 0, signal: null, stdout: `${version}\n`, stderr: "" });
});

for (const [document, atLeast] of [
  ["README.md", 10],
  ["docs/migration.md", 2],
]) {
  test(`commands in ${document}, one after the other, end with 0`, async (t) => {
    const text = await readFile(join(root, document), "utf8");
    const lines = [...text.matchAll(/^ *npx opslog ([^#\n]+)/gm)].map(([, line]) => line.trim().split(/\s+/));
    t.true(lines.length >= atLeast);
    const cwd = await temporaryFolder(t);
    const store = new Store();
    await store.open(join(cwd, "data"));
    await store.set("task-1", { title: "Try the commands", done: false });
    await store.close();
    for (const args of lines) {
      const { status, stderr } = await cli(t, args, { cwd });
      t.deepEqual({ status, stderr }, { status: 0, stderr: "" }, args.join(" "));
    }
  });
}

test("the sources of the program, import the package's exports, Node's modules and each other, and nothing else", async (t) => {
  const folder = join(root, "cli");
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".mjs"));
  t.true(files.length > 15);
  for (const file of files) {
    const text = await readFile(join(folder, file), "utf8");
    for (const [, name] of text.matchAll(/\bfrom "([^"]+)"/g)) {
      if (name.startsWith("node:")) continue;
      const target = relative(root, resolve(dirname(join(folder, file)), name));
      t.true(target === "index.mjs" || target.startsWith(`cli${sep}`), `${file} imports ${name}`);
    }
  }
});

test("npx opslog, of the package installed, runs the program", async (t) => {
  const project = await temporaryFolder(t);
  const packed = spawnSync(
    "npm",
    ["pack", "--pack-destination", project, "--ignore-scripts", "--silent", root],
    {
      encoding: "utf8",
    },
  );
  t.is(packed.status, 0, packed.stderr);
  await mkdir(join(project, "app"));
  const options = { cwd: join(project, "app"), encoding: "utf8" };
  await writeFile(join(project, "app", "package.json"), "{}");
  const tarball = join(project, packed.stdout.trim().split("\n").at(-1));
  const installed = spawnSync("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], options);
  t.is(installed.status, 0, installed.stderr);
  const { status, stdout } = spawnSync("npx", ["--no-install", "opslog", "--version"], options);
  t.is(status, 0);
  t.regex(stdout, /^0\.8\.\d+\n$/);
});
