/** Installs published packages that depend on ours, with ours in the place of the published one. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(project, "node_modules", ".cache", "opslog-dependents");
const dependents = { "@backloghq/agentdb": "2.3.0", "@backloghq/opslog-s3": "0.4.1" };

function npm(cwd, ...args) {
  return run("npm", args, { cwd, shell: process.platform === "win32", maxBuffer: 64 * 1024 * 1024 });
}

/** Packs the checkout, as `npm publish` would, and returns the archive's bytes. */
async function packProject() {
  const folder = await mkdtemp(join(tmpdir(), "opslog-pack-"));
  try {
    await npm(project, "pack", "--ignore-scripts", "--pack-destination", folder);
    const [archive] = await readdir(folder);
    return await readFile(join(folder, archive));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function installed(stamp, key) {
  return (await readFile(stamp, "utf8").catch(() => "")) === key;
}

/**
 * Returns a folder in which the dependents are installed and see the package of this checkout. It is kept
 * between runs; only another content of the package costs an installation.
 */
export async function installDependents() {
  const archive = await packProject();
  const key = createHash("sha256")
    .update(archive)
    .update(JSON.stringify(dependents))
    .digest("hex")
    .slice(0, 16);
  const stamp = join(cache, "installed");
  if (!(await installed(stamp, key))) {
    await mkdir(cache, { recursive: true });
    await rm(stamp, { force: true });
    const old = (await readdir(cache)).filter((name) => name.endsWith(".tgz"));
    for (const name of old) await rm(join(cache, name));
    await writeFile(join(cache, `opslog-${key}.tgz`), archive);
    const manifest = {
      private: true,
      dependencies: { ...dependents, "@backloghq/opslog": `file:opslog-${key}.tgz` },
      overrides: { "@backloghq/opslog": "$@backloghq/opslog" },
    };
    await writeFile(join(cache, "package.json"), JSON.stringify(manifest, null, 2));
    await npm(cache, "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts");
    await writeFile(stamp, key);
  }
  const programs = join(cache, "programs");
  await rm(programs, { recursive: true, force: true });
  await cp(join(project, "__test__", "dependents"), programs, { recursive: true });
  return cache;
}

/** Runs one of the programs in the installation and returns what its checks said. */
export async function runProgram(installation, name) {
  const program = join(installation, "programs", name);
  const { stdout } = await run(process.execPath, [program], { maxBuffer: 64 * 1024 * 1024 });
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line));
}
