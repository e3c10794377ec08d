// The declarations in the hands of every TypeScript that is supported: a program that exports stores of its own, checked
// with the declaration files themselves, under the strictest options.

import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cell } from "./tools/cell.mjs";
import { npm } from "./runtimes.mjs";

const program = fileURLToPath(new URL("./programs/exported.mts", import.meta.url));

/** Each version, and the name under which it is installed. */
const versions = {
  "TypeScript 5.9": "typescript-5",
  "TypeScript 6.0": "typescript-6",
  "TypeScript 7.0": "typescript-7",
};
const compilers = ["5.9", "6.0", "7.0"].map(
  (version) => `typescript-${version[0]}@npm:typescript@~${version}.0`,
);

/** The kinds of modules: what the compiler is told, and how the program is called. */
const kinds = {
  "NodeNext, ESM": { module: "nodenext", file: "exported.mts", more: ["--verbatimModuleSyntax"] },
  "NodeNext, CommonJS": { module: "nodenext", file: "exported.cts", more: [] },
  bundler: {
    module: "esnext",
    file: "exported.ts",
    more: ["--moduleResolution", "bundler", "--verbatimModuleSyntax"],
  },
  CommonJS: { module: "commonjs", file: "exported.ts", more: [] },
};

const STRICT = [
  "--strict",
  "--exactOptionalPropertyTypes",
  "--noUncheckedIndexedAccess",
  "--noImplicitOverride",
  "--noPropertyAccessFromIndexSignature",
  "--erasableSyntaxOnly",
  "--isolatedDeclarations",
  "--declaration",
  ...["--skipLibCheck", "false"],
  ...["--target", "es2022"],
  ...["--outDir", "out"],
];

/** The columns of the table: whether Node's types are there, and which of the language's and the web's. */
const places = {
  "@types/node": { packages: ["@types/node@20"], options: ["--types", "node", "--lib", "es2022"] },
  "@types/node, DOM": { packages: ["@types/node@24"], options: ["--types", "node", "--lib", "esnext,dom"] },
  "DOM alone": { packages: [], options: ["--lib", "es2022,dom"] },
  neither: { packages: [], options: ["--lib", "es2022"] },
};
export const PLACES = Object.keys(places);

/** Checks the program everywhere. Returns the table's rows. */
export function typeRows(folder, tarballs, env, node) {
  const projects = Object.entries(places).map(([name, { packages, options }]) => {
    const project = path.join(folder, name.replaceAll(/[^A-Za-z]+/g, "-"));
    mkdirSync(project, { recursive: true });
    // A package of no kind: what a file ends with decides.
    writeFileSync(path.join(project, "package.json"), `${JSON.stringify({ private: true })}\n`);
    npm(project, ["install", ...tarballs, ...compilers, ...packages], env);
    return { project, options };
  });
  const rows = [];
  for (const [version, compiler] of Object.entries(versions)) {
    for (const [kind, { module, file, more }] of Object.entries(kinds)) {
      const cells = projects.map(({ project, options }) => {
        for (const name of ["out", "exported.ts", "exported.mts", "exported.cts"])
          rmSync(path.join(project, name), { recursive: true, force: true });
        cpSync(program, path.join(project, file));
        const tsc = path.join("node_modules", compiler, "bin", "tsc");
        const command = [node, tsc, ...STRICT, "--module", module, ...more, ...options, file];
        // The compiler prints nothing when all is well.
        return cell(project, env, [command], /^\s*$/);
      });
      rows.push([`${version}, ${kind}`, ...cells]);
      console.error(rows.at(-1).join(": "));
    }
  }
  return rows;
}
