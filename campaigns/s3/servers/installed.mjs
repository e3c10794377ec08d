/** Packages of PyPI, the npm registry and crates.io, installed once below node_modules/.cache. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installOnce } from "../installing.mjs";

const run = promisify(execFile);
const cache = fileURLToPath(new URL("../../../node_modules/.cache", import.meta.url));
const output = { maxBuffer: 64 << 20 };

/** Installs requirements into a virtual environment. Returns the folder of its programs. */
export async function fromPypi(...requirements) {
  const folder = path.join(cache, `opslog-${requirements[0].split(/[=[]/)[0]}`);
  const programs = path.join(folder, "bin");
  await installOnce(folder, requirements.join(" "), async () => {
    await run("python3", ["-m", "venv", folder]);
    await run(path.join(programs, "python"), ["-m", "pip", "install", "--quiet", ...requirements], output);
  });
  return programs;
}

/** Installs a package. Returns its folder. */
export async function fromNpm(name, version) {
  const folder = path.join(cache, `opslog-${name.replace(/\W/g, "-")}`);
  await installOnce(folder, `${name}@${version}`, async () => {
    const content = { private: true, dependencies: { [name]: version } };
    await writeFile(path.join(folder, "package.json"), JSON.stringify(content));
    const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
    await run("npm", args, { cwd: folder, ...output });
  });
  return path.join(folder, "node_modules", name);
}

/** Builds a program without optimisation. Returns its path. */
export async function fromCrates(name, version, ...args) {
  const folder = path.join(cache, `opslog-${name}`);
  await installOnce(folder, `${name} ${version} ${args.join(" ")}`, async () => {
    const where = ["--root", folder, "--target-dir", path.join(folder, "target")];
    const env = { ...process.env, CARGO_PROFILE_DEV_DEBUG: "0" };
    delete env.CARGO_TARGET_DIR;
    const what = ["install", "--locked", "--debug", name, "--version", version, ...args, ...where];
    await run("cargo", what, { env, ...output });
  });
  return path.join(folder, "bin", name);
}
