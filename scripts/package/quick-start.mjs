// What a new user does: the README's quick start, saved as it stands there and run with the commands that it names.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../setup.mjs";
import { npm } from "./runtimes.mjs";
import { execute } from "./tools/cell.mjs";

const FILE = "quick-start.mts";
/** From this version on Node takes the types out of a program by itself. */
const STRIPPING = [22, 18];

/** The program, and the lines that its comments promise. */
function quickStart() {
  const readme = readFileSync(path.join(root, "README.md"), "utf8").replaceAll("\r\n", "\n");
  const [, program] = /## Quick start\n[^]*?```ts\n([^]*?)```/.exec(readme);
  const promised = [...program.matchAll(/\/\/ prints: (.+)$/gm)].map(([, text]) => text.trim());
  return { program, promised: promised.join("\n") };
}

/** How the README says that a runtime runs it. */
function commandFor({ name, program }) {
  const [kind, version] = name.split(" ");
  if (kind === "Bun") return [program, FILE];
  if (kind === "Deno") return [program, "run", "-A", FILE];
  const [major, minor] = version.split(".").map(Number);
  const strips = major > STRIPPING[0] || (major === STRIPPING[0] && minor >= STRIPPING[1]);
  return strips ? [program, FILE] : [program, path.join("node_modules", "tsx", "dist", "cli.mjs"), FILE];
}

/** Runs it with each runtime, twice: the second time it finds the first one's folder. Returns the table's rows. */
export function quickStartRows(folder, tarballs, env, runtimes) {
  const { program, promised } = quickStart();
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify({ private: true })}\n`);
  npm(folder, ["install", ...tarballs, "tsx"], env);
  writeFileSync(path.join(folder, FILE), program);
  return runtimes.map((runtime) => {
    rmSync(path.join(folder, "data"), { recursive: true, force: true });
    const said = ["first", "second"].map((time) => {
      const { status, stdout, stderr, error } = execute(folder, env, commandFor(runtime));
      if (status === 0 && stdout.trim().replaceAll("\r\n", "\n") === promised) return undefined;
      return `the ${time} time: ${error?.message ?? `${stdout}${stderr}`.trim().slice(0, 400)}`;
    });
    return [`the README's quick start, ${runtime.name}`, said.find(Boolean) ?? "ok"];
  });
}
