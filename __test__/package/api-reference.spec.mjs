/** `npm run docs`: the reference is made from index.d.ts, and holds all of it. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { readExamples } from "../../scripts/docs/plugin.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));
const typedoc = join(require.resolve("typedoc/package.json"), "..", "bin", "typedoc");

test("npm run docs, makes a page with every export and every method, and finds no broken link", async (t) => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  t.is(scripts.docs, "typedoc");
  const out = await temporaryFolder(t);
  await run(process.execPath, [typedoc, "--out", out], { cwd: root });
  const page = await readFile(join(out, "README.md"), "utf8");
  const declarations = await readFile(join(root, "index.d.ts"), "utf8");
  const names = [...declarations.matchAll(/^export (?:declare )?(?:class|interface|function|type) (\w+)/gm)];
  t.true(names.length > 25);
  for (const [, name] of names) t.regex(page, new RegExp(`^### ${name}\\b`, "m"));
  const methods = [...declarations.matchAll(/^ {2}(?:static )?(\w+)(?:<.*>)?\(/gm)].map(([, name]) => name);
  t.true(methods.length > 60);
  for (const name of methods.filter((name) => name !== "constructor"))
    t.true(page.includes(`##### ${name}()`), name);
  const examples = readExamples();
  for (const code of examples.values()) t.true(page.includes(code), code);
  // Options and codes are described where they are declared.
  for (const text of ["checkpointThreshold", "OPSLOG_UNSAFE_BACKEND", "read-snapshot"])
    t.true(page.includes(text));
});
