/** The documents: every example runs and prints what it says, every link and every named test is there. */
import { execFile } from "node:child_process";
import { access, readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import {
  blocks,
  compileErrors,
  documentNames,
  promised,
  readDocument,
  root,
  runExample,
  userFolder,
  withoutTypes,
} from "../helpers/documents.mjs";

const run = promisify(execFile);
const contents = new Map();
for (const name of await documentNames()) contents.set(name, await readDocument(name));

for (const [name, text] of contents) {
  for (const [index, code] of blocks(text, "js").entries()) {
    test(`example ${index + 1} of ${name}, run in a folder of its own, prints what it says`, async (t) => {
      const expected = promised(code);
      t.true(expected.length > 0);
      t.deepEqual(await runExample(t, code), { stdout: expected, stderr: "" });
    });
  }

  for (const [index, code] of blocks(text, "ts").entries()) {
    test(`TypeScript example ${index + 1} of ${name}, run twice in one folder, prints what it says both times`, async (t) => {
      const expected = promised(code);
      t.true(expected.length > 0);
      const folder = await userFolder(t);
      for (let n = 0; n < 2; n++)
        t.deepEqual(await runExample(t, withoutTypes(code), folder), { stdout: expected, stderr: "" });
    });
  }

  test(`JSON in ${name}, can be parsed`, (t) => {
    for (const code of blocks(text, "json")) t.notThrows(() => JSON.parse(code), code);
    for (const code of blocks(text, "jsonl"))
      for (const line of code.trim().split("\n")) t.notThrows(() => JSON.parse(line), line);
    t.pass();
  });

  test(`links in ${name}, lead somewhere`, async (t) => {
    for (const [, target] of text.matchAll(/\]\(([^)]+)\)/g)) {
      // An absolute link to a file of the repository is one to the file here.
      const own =
        /^https:\/\/(?:github\.com\/backloghq\/opslog\/blob|raw\.githubusercontent\.com\/backloghq\/opslog)\/main\/(.+)$/;
      const inRepository = own.exec(target)?.[1];
      if (/^https?:/.test(target) && inRepository === undefined) continue;
      const [path, anchor] = (inRepository ?? target).split("#");
      const file = join(root, inRepository === undefined ? dirname(name) : "", path);
      if (path !== "") await t.notThrowsAsync(access(file), target);
      if (anchor === undefined) continue;
      const pointedAt = path === "" ? text : await readFile(file, "utf8");
      const headings = [...pointedAt.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, "")
          .replaceAll(" ", "-"),
      );
      t.true(headings.includes(anchor), target);
    }
    t.pass();
  });
}

test("documents, name the actor: no somebody, nobody, whoever, anyone or everybody", (t) => {
  for (const [name, text] of contents)
    t.deepEqual(
      text.match(/\b(?:some|no|any|every)body\b|\b(?:any|every)one\b|\bwhoever\b|\bwho is\b/gi) ?? [],
      [],
      name,
    );
});

test("the examples in TypeScript of all documents, are strict TypeScript", async (t) => {
  t.timeout(180_000);
  const examples = [...contents.values()].flatMap((text) => blocks(text, "ts"));
  t.true(examples.length > 2);
  t.deepEqual(await compileErrors(t, examples), []);
});

test("README.md, is read in two minutes, its parts stand in their order, and its links are absolute", (t) => {
  const text = contents.get("README.md");
  t.true(text.split("\n").length <= 221);
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  t.deepEqual(headings, [
    "Installation",
    "Quick start",
    "Use it when",
    "How it works",
    "Limits",
    "Recipes",
    "Command line",
    "Documentation",
    "License",
  ]);
  for (const [, target] of text.matchAll(/\]\(([^)]+)\)/g)) t.regex(target, /^https:/);
});

test("figures in the text of README.md, are those of the benchmark", async (t) => {
  const [before, behind] = contents
    .get("README.md")
    .split(/<!-- measured:headlines -->[^]*<!-- \/measured:headlines -->/);
  const figures = [...(before + behind).matchAll(/\b([\d,.]*\d) (?:MB|ms|us) ?(?!of text)/g)].map(
    ([, figure]) => figure,
  );
  const measured = await readFile(join(root, "docs/performance/workloads.md"), "utf8");
  for (const figure of figures) t.true(measured.includes(` ${figure} |`), figure);
  t.pass();
});

test("the greatest size of a binary in the documents, is the one that is checked", async (t) => {
  const [, number] = /MOST_BYTES = ([\d_]+)/.exec(
    await readFile(join(root, "scripts/package/inspect.mjs"), "utf8"),
  );
  const most = Number(number.replaceAll("_", ""));
  t.true(contents.get("CONTRIBUTING.md").includes(`at most ${most.toLocaleString("en")} bytes`));
  t.true(contents.get("docs/performance.md").includes(`allows ${most.toLocaleString("en")},`));
  t.true(contents.get("CHANGELOG.md").includes(`at most ${most / 1e6} MB`));
});

test("docs/api.md, names every option of open() and every method of Store", async (t) => {
  const declarations = await readFile(join(root, "index.d.ts"), "utf8");
  const bodyOf = (head) => new RegExp(`^export (?:declare )?${head}[^]*?^}`, "m").exec(declarations)[0];
  const text = contents.get("docs/api.md");
  const options = [...bodyOf("interface StoreOptions").matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
  t.true(options.length > 15);
  for (const name of options) t.true(text.includes(`\`${name}\``), name);
  const methods = [...bodyOf("class Store<").matchAll(/^ {2}(?:static )?(\w+)(?:<.*>)?\(/gm)];
  t.true(methods.length > 40);
  for (const [, name] of methods.filter(([, name]) => name !== "constructor"))
    t.regex(text, new RegExp(`\\b${name}\\(`), name);
});

test("scripts in README.md, are those of package.json", async (t) => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const text = contents.get("README.md");
  const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script);
  t.true(named.length > 2);
  for (const script of named) t.true(script in scripts, script);
});

test("the demonstration that README.md speaks of, run, holds every comparison with 0.8.1", async (t) => {
  t.timeout(180_000);
  const { stdout } = await run(process.execPath, [join(root, "scripts", "demo", "main.mjs")], { cwd: root });
  t.true(stdout.endsWith("Every comparison held.\n"), stdout);
});

test("codes in the sources, are the codes in docs/errors.md", async (t) => {
  const described = new Set(contents.get("docs/errors.md").match(/OPSLOG_[A-Z_]+/g));
  const made = new Set();
  for (const name of ["src/error.rs", "src/binding/error.rs", "index.d.ts"]) {
    for (const code of (await readFile(join(root, name), "utf8")).match(/OPSLOG_[A-Z_]+/g)) made.add(code);
  }
  for (const name of await readdir(join(root, "lib"), { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const text = await readFile(join(root, "lib", name), "utf8");
    for (const code of text.match(/OPSLOG_[A-Z_]+/g) ?? []) made.add(code);
  }
  t.deepEqual([...described].sort(), [...made].sort());
});

/** A test's title as it stands in its file; `…` stands for anything on the same line. */
function pattern(title) {
  const parts = title.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`["'\`]${parts.join("[^\\n]*")}["'\`]|fn ${parts.join("\\w*")}\\(`);
}

for (const [name, atLeast] of [
  ["docs/differences.md", 50],
  ["docs/durability.md", 10],
]) {
  test(`tests named in ${name}, are in their files`, async (t) => {
    const named = [...contents.get(name).matchAll(/^ *- `([\w./-]+)` › (.+)$/gm)];
    t.true(named.length > atLeast);
    for (const [, file, title] of named) {
      const folder = file.endsWith(".rs") ? root : join(root, "__test__");
      const text = await readFile(join(folder, file), "utf8");
      t.regex(text, pattern(title), `${file} › ${title}`);
    }
  });
}
