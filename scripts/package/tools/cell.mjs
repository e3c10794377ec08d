// A cell of a table: what became of some commands, of which the last prints "works": "ok", "untested" with a reason, or what was said.

import { spawnSync } from "node:child_process";
import path from "node:path";

export const UNTESTED = "untested";

/** The cell of what cannot be tried on this machine. */
export const untested = (reason) => `${UNTESTED}: ${reason}`;

/** Whether a cell says that something is wrong. */
export const isFaulty = (said) => said !== "ok" && said !== UNTESTED && !said.startsWith(`${UNTESTED}: `);

const TIMEOUT_MS = 240_000;

const isWindows = process.platform === "win32";
const quoted = (word) => `"${word}"`;

/** Runs a command, given as a list of words, in a folder. Tools that a project has installed are found by their name. */
export function execute(folder, env, [program, ...args]) {
  const tools = path.join(folder, "node_modules", ".bin");
  const options = {
    cwd: folder,
    env: { ...env, PATH: `${tools}${path.delimiter}${env.PATH}`, CI: "1", NO_COLOR: "1" },
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  };
  // On Windows npm installs a tool as a file of commands, which only a shell runs.
  if (isWindows && path.basename(program) === program)
    return spawnSync(program, args.map(quoted), { ...options, shell: true });
  return spawnSync(program, args, options);
}

const lastLines = (run) =>
  `${run.stdout ?? ""}\n${run.stderr ?? ""}`.trim().split("\n").slice(-4).join(" ").slice(0, 400);

/** "ok", or what was said instead: `expected` must stand in what the last command prints. */
export function cell(folder, env, commands, expected = /^works$/m) {
  let last;
  for (const [index, command] of commands.entries()) {
    last = execute(folder, env, command);
    if (last.error !== undefined) return `${command[0]}: ${last.error.message}`;
    const isLast = index === commands.length - 1;
    if (last.status !== 0 && !isLast) return `${command.join(" ")}: ${lastLines(last)}`;
  }
  return expected.test(`${last.stdout}\n${last.stderr}`) ? "ok" : lastLines(last);
}
