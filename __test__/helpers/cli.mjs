/** Runs the command line program as a user would. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Store } from "../../index.mjs";
import { temporaryFolder } from "./store-folder.mjs";

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

/** A folder with a snapshot, a log behind it, and one that a checkpoint left behind. */
export async function exampleFolder(t, Class = Store) {
  const folder = await temporaryFolder(t);
  const store = new Class();
  await store.open(folder, { checkpointThreshold: 1000, checkpointOnClose: false });
  await store.set("ada", { name: "Ada", done: true, address: { city: "London" } });
  await store.set("bob", { name: "Bob", done: false, address: { city: "Paris" } });
  await store.compact();
  await store.set("ada", { name: "Ada Lovelace", done: true, address: { city: "London" } });
  await store.set("cyd", { name: "Cyd", done: false, address: { city: "Paris" } });
  await store.delete("bob");
  await store.close();
  return folder;
}

/** Commands that only read, with arguments. */
export const reads = (folder) => [
  ["stats", folder],
  ["get", folder, "ada"],
  ["ls", folder],
  ["log", folder],
  ["log", folder, "--all"],
  ["history", folder, "ada"],
  ["history", folder, "ada", "--all"],
  ["verify", folder],
  ["export", folder],
];

// A terminal around a program, as wide as the first argument says: what it shows comes out.
const terminal = `
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Whether there can be a terminal: only a missing Python, or Windows, is a reason that there cannot. */
export const hasTerminal =
  process.platform !== "win32" && spawnSync("python3", ["-c", "import pty"]).status === 0;

/** Runs the program on a terminal, to its end. Returns `{ status, shown }`. */
export async function runOnTerminal(args, { columns = 80, env = {}, cwd } = {}, onStart = () => {}) {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...inherited } = process.env;
  const child = spawn("python3", ["-c", terminal, String(columns), process.execPath, program, ...args], {
    env: { ...inherited, TERM: "xterm", ...env },
    cwd,
  });
  onStart(child);
  let shown = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text) => (shown += text));
  child.stderr.on("data", (text) => (shown += text));
  const [status] = await once(child, "close");
  return { status, shown };
}

/** The same in a test, which sees to it that the program ends. */
export function cliOnTerminal(t, args, options) {
  return runOnTerminal(args, options, (child) => t.teardown(() => child.kill("SIGKILL")));
}
