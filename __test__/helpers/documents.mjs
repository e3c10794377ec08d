/** The documents of the project and the examples in them. */
import { mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { temporaryFolder } from "./store-folder.mjs";

const run = promisify(execFile);
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Paths of all documents, from the root. */
export async function documentNames() {
  const names = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md"];
  for (const folder of ["docs", "docs/guide"])
    for (const name of (await readdir(join(root, folder))).sort())
      if (name.endsWith(".md")) names.push(`${folder}/${name}`);
  return names;
}

export const readDocument = (name) => readFile(join(root, name), "utf8");

/** The fenced blocks of a language. */
export function blocks(text, language) {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, named]) => named === language)
    .map(([, , code]) => code);
}

/** What an example says that it prints. */
export const promised = (code) => [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, line]) => line);

/** A folder like that of a user's program, with the package in it. */
export async function userFolder(t) {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "node_modules", "@backloghq"), { recursive: true });
  await symlink(root, join(folder, "node_modules", "@backloghq", "opslog"), "junction");
  return folder;
}

/** Runs an example as a user's module, in a folder of its own or in one that is given. Returns what it prints. */
export async function runExample(t, code, folder) {
  folder ??= await userFolder(t);
  await writeFile(join(folder, "example.mjs"), code);
  const { stdout, stderr } = await run(process.execPath, ["example.mjs"], { cwd: folder });
  return { stdout: stdout.split("\n").slice(0, -1), stderr };
}

/** JavaScript of an example in TypeScript. */
export function withoutTypes(code) {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return outputText;
}

/** What the compiler says of examples in TypeScript, as strict as it can be. */
export async function compileErrors(t, examples) {
  const folder = await userFolder(t);
  await symlink(join(root, "node_modules", "@types"), join(folder, "node_modules", "@types"), "junction");
  const files = [];
  for (const [at, code] of examples.entries()) {
    files.push(join(folder, `example-${at}.mts`));
    await writeFile(files[at], code);
  }
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    noEmit: true,
  });
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file === undefined ? "" : ` line ${file.getLineAndCharacterOfPosition(start).line + 1}`;
    return `${file?.fileName.slice(folder.length + 1)}${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}
