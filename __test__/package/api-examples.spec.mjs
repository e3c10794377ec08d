/** The examples of the API pages: there is one for each method and function, and each prints what it says. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { readExamples } from "../../scripts/docs/plugin.mjs";
import { compileErrors, promised, root, userFolder, withoutTypes } from "../helpers/documents.mjs";

const run = promisify(execFile);
const source = await readFile(join(root, "scripts", "docs", "examples.mts"), "utf8");

const runner = `
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { format } from "node:util";
import { Store } from "@backloghq/opslog";
import { examples } from "./examples.mjs";

const printed = {};
for (const [name, example] of Object.entries(examples)) {
  const folder = mkdtempSync(join(process.cwd(), "store-"));
  const store = new Store();
  await store.open(folder);
  printed[name] = [];
  console.log = (...values) => printed[name].push(...format(...values).split("\\n"));
  await example(store, folder);
  await store.close().catch(() => {});
}
process.stdout.write(JSON.stringify(printed));
`;

test("the examples are strict TypeScript", async (t) => {
  t.timeout(120_000);
  t.deepEqual(await compileErrors(t, [source]), []);
});

test("each example, run on a store of its own, prints what it says", async (t) => {
  const folder = await userFolder(t);
  await writeFile(join(folder, "examples.mjs"), withoutTypes(source));
  await writeFile(join(folder, "runner.mjs"), runner);
  const { stdout } = await run(process.execPath, ["runner.mjs"], { cwd: folder });
  const printed = JSON.parse(stdout);
  const examples = readExamples();
  t.deepEqual(Object.keys(printed).sort(), [...examples.keys()].sort());
  for (const [name, code] of examples) {
    t.true(promised(code).length > 0, name);
    t.deepEqual(printed[name], promised(code), name);
  }
});

test("each method of Store, each class and each function has an example", async (t) => {
  const declarations = await readFile(join(root, "index.d.ts"), "utf8");
  const [, store] = /^export declare class Store<[^]*?\{\n([^]*?)^\}/m.exec(declarations);
  const members = [...store.matchAll(/^ {2}(?:static |readonly )?\[?(?:Symbol\.)?(\w+)\]?[(:<]/gm)];
  const names = [
    ...members.map(([, name]) => `Store.${name}`),
    ...[...declarations.matchAll(/^export declare (?:class|function) (\w+)/gm)].map(([, name]) => name),
  ].filter((name) => name !== "Store");
  t.true(names.length > 60);
  const examples = readExamples();
  t.deepEqual(
    names.filter((name) => !examples.has(name)),
    [],
  );
});
