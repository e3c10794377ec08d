/** The documents: every example runs and prints what it says, every link and every named test is there. */
import { execFile } from "node:child_process";
import { access, mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const documents = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md"];
for (const name of await readdir(join(root, "docs")))
  if (name.endsWith(".md")) documents.push(`docs/${name}`);
const contents = new Map();
for (const name of documents) contents.set(name, await readFile(join(root, name), "utf8"));

function blocks(text, language) {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, named]) => named === language)
    .map(([, , code]) => code);
}

/** Runs an example as a user's module and returns what it prints. */
async function runExample(t, code) {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "node_modules", "@backloghq"), { recursive: true });
  await symlink(root, join(folder, "node_modules", "@backloghq", "opslog"), "junction");
  await writeFile(join(folder, "example.mjs"), code);
  const { stdout, stderr } = await run(process.execPath, ["example.mjs"], { cwd: folder });
  return { stdout: stdout.split("\n").slice(0, -1), stderr };
}

for (const [name, text] of contents) {
  for (const [index, code] of blocks(text, "js").entries()) {
    test(`example ${index + 1} of ${name}, run in a folder of its own, prints what it says`, async (t) => {
      const expected = [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, line]) => line);
      t.true(expected.length > 0);
      t.deepEqual(await runExample(t, code), { stdout: expected, stderr: "" });
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
      if (/^https?:/.test(target)) continue;
      const [path, anchor] = target.split("#");
      if (path !== "") await t.notThrowsAsync(access(join(root, dirname(name), path)), target);
      if (anchor === undefined) continue;
      const pointedAt = path === "" ? text : await readFile(join(root, dirname(name), path), "utf8");
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
