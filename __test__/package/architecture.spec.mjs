import { readFile, readdir } from "node:fs/promises";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

import test from "ava";
import { BUNDLED } from "../../scripts/ui/bundled.mjs";

/*
 * The rules of ARCHITECTURE.md about lib/ that can be read off the sources: which folder requires which, and which file
 * takes what from Node. Those about src/ are in tests/architecture.rs.
 */

const root = new URL("../../", import.meta.url);

/** The folders of lib/, each with the folders that its files may require. */
const ALLOWED = {
  platform: [],
  native: ["errors", "platform"],
  errors: ["native", "operations", "platform"],
  arguments: ["errors", "platform"],
  writing: ["errors", "platform"],
  operations: ["arguments", "errors", "native", "platform"],
  history: ["arguments", "errors", "operations", "platform", "queries", "records"],
  queries: ["arguments", "errors", "platform"],
  transactions: ["arguments", "errors", "platform"],
  fs: ["arguments", "errors", "folder", "native", "operations", "platform", "writing"],
  records: ["arguments", "errors", "fs", "platform", "queries", "writing"],
  folder: ["arguments", "errors", "fs", "native", "operations", "platform", "queries", "records", "writing"],
  backend: [
    "arguments",
    "errors",
    "folder",
    "fs",
    "history",
    "native",
    "operations",
    "platform",
    "queries",
    "records",
    "writing",
  ],
  s3: ["arguments", "errors", "operations", "platform"],
};

/** The files at the top of lib/: the store, its driver, and how it is shown. They may require every folder. */
const AT_THE_TOP = ["drivers.js", "inspected.js", "store.js"];

async function sources(folder) {
  const top = fileURLToPath(new URL(folder, root));
  const names = (await readdir(top, { recursive: true })).map((name) => name.replaceAll("\\", "/"));
  const files = names.filter((name) => /\.((c|m)?js|jsx)$/.test(name)).sort();
  return Promise.all(
    files.map(async (name) => {
      const text = await readFile(new URL(folder + name, root), "utf8");
      const required = [...text.matchAll(/(?:\brequire\(|\bfrom |\bimport\()\s*"([^"]+)"/g)].map(
        ([, what]) => what,
      );
      const local = required.filter((what) => what.startsWith("."));
      const paths = local.map((what) => posix.join(posix.dirname(name), what));
      const targets = paths.map((path) => (path in ALLOWED ? `${path}/index` : path));
      const others = required.filter((what) => !what.startsWith("."));
      return { name, text, targets, others, folder: name.includes("/") ? name.split("/")[0] : undefined };
    }),
  );
}

test("each folder of lib/ requires the folders below it only", async (t) => {
  for (const { name, folder, targets } of await sources("lib/")) {
    if (folder === undefined) t.true(AT_THE_TOP.includes(name), `lib/${name} has no folder`);
    else t.true(folder in ALLOWED, `lib/${folder}/ is not in the list`);
    for (const target of targets.filter((target) => target.includes("/"))) {
      const other = target.split("/")[0];
      if (folder === undefined || other === folder) continue;
      t.true(ALLOWED[folder].includes(other), `lib/${name} requires ${target}`);
    }
    if (folder !== undefined)
      t.deepEqual(
        targets.filter((target) => !target.includes("/")),
        [],
        name,
      );
  }
});

test("only builtins.js requires Node's own modules, and few files take the file system from it", async (t) => {
  for (const { name, text, others } of await sources("lib/")) {
    const allowed = { "native/packages.js": /^@backloghq\/opslog-/, "s3/sdk.js": /^@aws-sdk\/client-s3$/ };
    const packages = allowed[name] ?? /^$/;
    if (name !== "platform/builtins.js")
      t.true(
        others.every((what) => packages.test(what)),
        name,
      );
    const mayReadFiles = /^(fs|native)\//.test(name) || name === "folder/lock.js";
    if (!mayReadFiles) t.notRegex(text, /\{[^}]*\bfs\b[^}]*\} = require\("[^"]*builtins"\)/, name);
  }
});

test("the addon is loaded by the drivers, and by what needs no open store", async (t) => {
  const loading = (await sources("lib/")).filter(({ targets }) => targets.includes("native/index"));
  t.deepEqual(
    loading.map(({ name }) => name),
    [
      "backend/driver.js",
      "errors/native.js",
      "folder/driver.js",
      "folder/lock.js",
      "folder/maintenance.js",
      "fs/calls.js",
      "operations/wal.js",
    ],
  );
});

test("the command line requires nothing of lib/", async (t) => {
  for (const { name, targets, others } of await sources("cli/")) {
    const allowed = ["../index.mjs", "../ui/server/main.mjs"];
    t.deepEqual(
      targets.filter((target) => target.startsWith("..") && !allowed.includes(target)),
      [],
      name,
    );
    t.true(
      others.every((what) => what.startsWith("node:")),
      name,
    );
  }
});

test("the server of the page requires the package and Node's own modules, the page only what is bundled into it", async (t) => {
  for (const { name, targets, others } of await sources("ui/server/")) {
    t.deepEqual(
      targets.filter((target) => target.startsWith("..") && target !== "../../index.mjs"),
      [],
      name,
    );
    t.true(
      others.every((what) => what.startsWith("node:")),
      name,
    );
  }
  for (const { name, targets, others } of await sources("ui/page/")) {
    t.deepEqual(
      targets.filter((target) => target.startsWith("..")),
      [],
      name,
    );
    t.true(
      others.every((what) => BUNDLED.includes(what.split("/")[0])),
      name,
    );
  }
});

test("the tests of lib/ and the campaigns stand apart from the scripts", async (t) => {
  const names = (await readdir(new URL("scripts/", root))).filter((name) =>
    /soak|fault|race|fuzz|model/.test(name),
  );
  t.deepEqual(names, []);
  const flat = (await readdir(new URL("__test__/", root))).filter((name) => name.endsWith(".spec.mjs"));
  t.deepEqual(flat, [], "a spec belongs into the folder of its topic");
});
