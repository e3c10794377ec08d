/**
 * Installs published packages that depend on ours outside of the checkout: once with ours, from the tarballs that a
 * release consists of, in the place of the published one, and once with the original.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, lstat, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir, userInfo } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stage } from "../../scripts/package/stage.mjs";

const { platformTriple } = createRequire(import.meta.url)("../../lib/native/index.js");
const run = promisify(execFile);
const project = fileURLToPath(new URL("../..", import.meta.url));
const maxBuffer = 64 << 20;
const TIMEOUT_MS = 120_000;

const ours = "@backloghq/opslog";
const dependents = {
  "@backloghq/agentdb": "2.3.0",
  "@backloghq/opslog-s3": "0.4.1",
  "@modelcontextprotocol/sdk": "1.32.2",
  "@aws-sdk/client-s3": "3.800.0",
};

const hash = (...parts) => {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest.digest("hex").slice(0, 16);
};

/** A folder of this user and this checkout, outside of it and kept between runs. */
export async function keptFolder() {
  const { uid, username } = userInfo();
  const folder = join(tmpdir(), `opslog-dependents-${hash(username, project)}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (!found.isDirectory() || (uid >= 0 && found.uid !== uid))
    throw new Error(`${folder} belongs to another program`);
  return folder;
}

/** Packs the package and this platform's own. Returns the tarballs' contents by name. */
async function packAll() {
  const folder = await mkdtemp(join(tmpdir(), "opslog-pack-"));
  try {
    const triple = platformTriple();
    const addon = join(project, "native", `opslog.${triple}.node`);
    const tarballs = stage(join(folder, "tarballs"), { [triple]: addon });
    const named = { [ours]: tarballs.main.file, [`${ours}-${triple}`]: tarballs[triple].file };
    const read = async ([name, path]) => [name, { path, content: await readFile(path) }];
    return await Promise.all(Object.entries(named).map(read));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes `folder` an installation of a manifest, unless it is one already. Starts from another one's modules, if given. */
export async function install(folder, manifest, base) {
  const key = hash(JSON.stringify(manifest));
  const stamp = join(folder, "installed");
  if ((await readFile(stamp, "utf8").catch(() => "")) === key) return;
  await rm(stamp, { force: true });
  await mkdir(folder, { recursive: true });
  for (const name of ["package-lock.json", ...(base ? ["node_modules"] : [])]) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
  if (base) await cp(join(base, "node_modules"), join(folder, "node_modules"), { recursive: true });
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ private: true, type: "module", ...manifest }),
  );
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await run("npm", args, { cwd: folder, shell: process.platform === "win32", maxBuffer });
  await writeFile(stamp, key);
}

/**
 * Returns two folders in which the dependents are installed: `ours`, where an override leads to this checkout's
 * tarballs, and `original`. They are kept; only other contents cost an installation.
 */
export async function installDependents() {
  const kept = await keptFolder();
  const tarballs = await packAll();
  const folders = { ours: join(kept, "ours"), original: join(kept, "original") };
  const packed = join(kept, "tarballs", hash(...tarballs.map(([, { content }]) => content)));
  await rm(join(kept, "tarballs"), { recursive: true, force: true });
  await mkdir(packed, { recursive: true });
  const files = {};
  for (const [name, { path, content }] of tarballs) {
    files[name] = `file:${join(packed, basename(path))}`;
    await writeFile(join(packed, basename(path)), content);
  }
  const manifest = {
    dependencies: { ...dependents, ...files },
    overrides: { [ours]: `$${ours}` },
  };
  await install(folders.ours, manifest);
  const published = { dependencies: { ...dependents, [ours]: "0.8.1" } };
  await install(folders.original, published, folders.ours);
  for (const folder of Object.values(folders)) {
    const programs = join(folder, "programs");
    await rm(programs, { recursive: true, force: true });
    await cp(join(project, "__test__", "dependents"), programs, { recursive: true });
  }
  return folders;
}

/** Runs one of the programs in an installation and returns what its checks said. */
export async function runProgram(installation, name, { args = [], env = {} } = {}) {
  const program = join(installation, "programs", name);
  const options = { maxBuffer, timeout: TIMEOUT_MS, cwd: installation, env: { ...process.env, ...env } };
  const { stdout } = await run(process.execPath, [program, ...args], options);
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line));
}
