/** Runs the command line program as a user would. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/opslog.mjs", import.meta.url));

/** Starts the program; `t` sees to it that it ends. */
export function startCli(t, args, { env = {}, ...options } = {}) {
  const { FORCE_COLOR: _force, NO_COLOR: _no, ...inherited } = process.env;
  const child = spawn(process.execPath, [program, ...args], { env: { ...inherited, ...env }, ...options });
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  return child;
}

/** Runs the program to its end. Returns `{ status, signal, stdout, stderr }`. */
export async function cli(t, args, { input, ...options } = {}) {
  const child = startCli(t, args, options);
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8");
    child[name].on("data", (text) => (printed[name] += text));
  }
  child.stdin.end(input);
  const [status, signal] = await once(child, "close");
  return { status, signal, ...printed };
}

/** What the program prints as JSON, one value a line. */
export async function cliJson(t, args, options) {
  const { status, stdout, stderr } = await cli(t, [...args, "--json"], options);
  const values = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return { status, stderr, values };
}
