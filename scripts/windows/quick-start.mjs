// The README's quick start, in a folder of its own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const readme = readFileSync(path.join(root, "README.md"), "utf8").replaceAll("\r\n", "\n");
const [, block] = /## Quick start\n[^]*?```(?:js|ts)\n([^]*?)```/.exec(readme);
const expected = [...block.matchAll(/\/\/ prints: (.+)$/gm)].map(([, text]) => text.trim());
const folder = mkdtempSync(path.join(tmpdir(), "opslog-quick-start-"));
const program = path.join(folder, "quick-start.mjs");
const { outputText } = ts.transpileModule(block, {
  compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
});
writeFileSync(
  program,
  outputText.replace('"@backloghq/opslog"', JSON.stringify(pathToFileURL(path.join(root, "index.mjs")).href)),
);
process.chdir(folder);
const printed = [];
const { log } = console;
console.log = (...values) => printed.push(values.join(" "));
await import(pathToFileURL(program).href);
console.log = log;
process.chdir(root);
rmSync(folder, { recursive: true });
if (printed.join("\n") !== expected.join("\n")) throw new Error(`It printed ${JSON.stringify(printed)}`);
console.log("works");
