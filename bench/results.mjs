/** What was measured, as docs/performance/ keeps it: one JSON file for each command of the benchmark. The pages are made from these. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const project = fileURLToPath(new URL("..", import.meta.url));
export const folder = join(project, "docs/performance");

/** The files: `results` of the workloads, `profiles` of them, the `floors` of workloads, the `size` of the binary, and what was found on
 * other versions of Node (`nodes`). */
const names = ["results", "profiles", "floors", "size", "nodes"];

const pathOf = (name) => join(folder, `${name}.json`);

async function readPart(name) {
  return existsSync(pathOf(name)) ? JSON.parse(await readFile(pathOf(name), "utf8")) : {};
}

/** All that was measured so far. */
export async function readAll() {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readPart(name)])));
}

/** Takes over a part; what it says of others stays. */
export async function keep(name, found) {
  await mkdir(folder, { recursive: true });
  const together = { ...(await readPart(name)), ...found };
  await writeFile(pathOf(name), `${JSON.stringify(together, null, 1)}\n`);
}

const git = (...args) => execFileSync("git", args, { cwd: project, encoding: "utf8", stdio: "pipe" }).trim();

/** With which sources and on which Node something was measured. */
export function origin() {
  const node = process.versions.node;
  try {
    const isChanged = git("status", "--porcelain", "--", "src", "lib", "Cargo.toml", "Cargo.lock") !== "";
    return { node, commit: `${git("rev-parse", "--short", "HEAD")}${isChanged ? " and changes" : ""}` };
  } catch {
    return { node, commit: "an unknown commit" };
  }
}

export const showOrigin = ({ node, commit }) => `Node ${node}, commit ${commit}`;
