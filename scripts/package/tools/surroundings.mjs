// What a program may be installed with or run in beside Node alone: package managers, runtimes that compile a program into
// one file or ask for permissions, frameworks that build a server. Each is a cell: "ok", or what was said instead.

import { spawn } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { npm } from "../runtimes.mjs";
import { cell } from "./cell.mjs";
import { electronCell } from "./electron.mjs";

const programs = fileURLToPath(new URL("./programs/", import.meta.url));
const registry = fileURLToPath(new URL("./registry.mjs", import.meta.url));
const PACKAGE = "@backloghq/opslog";
const MANAGERS = { pnpm: "pnpm@10", yarn: "@yarnpkg/cli-dist@4" };

/** A folder with the programs in it, and a manifest. */
function folderOf(folder, manifest = {}) {
  mkdirSync(folder, { recursive: true });
  cpSync(programs, folder, { recursive: true });
  writeFileSync(
    path.join(folder, "package.json"),
    JSON.stringify({ private: true, type: "module", ...manifest }),
  );
  return folder;
}

/** The same with the package and others installed by npm. */
function projectOf(folder, { tarballs, env }, packages = []) {
  npm(folderOf(folder), ["install", "--legacy-peer-deps", ...tarballs, ...packages], env);
  return folder;
}

/** Runs `use` with the address of a registry that has our packages. */
function withRegistry(folder, { tarballs }, use) {
  const portFile = path.join(folder, "port");
  const server = spawn(process.execPath, [registry, path.dirname(tarballs[0]), portFile], {
    stdio: "ignore",
  });
  try {
    const quiet = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 0; !existsSync(portFile) && tries < 600; tries += 1) Atomics.wait(quiet, 0, 0, 100);
    return use(`http://127.0.0.1:${readFileSync(portFile, "utf8")}/`);
  } finally {
    server.kill();
  }
}

/** Installs a package manager beside a project, and the package with it from a registry of ours. */
function managed(folder, given, { manager, script, files, install, run }) {
  const { env, node } = given;
  const project = folderOf(path.join(folder, "project"), { dependencies: { [PACKAGE]: "0.8.2" } });
  npm(folderOf(path.join(folder, "manager")), ["install", MANAGERS[manager]], env);
  const program = [node, path.join(folder, "manager", "node_modules", ...script)];
  return withRegistry(folder, given, (address) => {
    for (const [name, text] of Object.entries(files(address))) writeFileSync(path.join(project, name), text);
    // What continuous integration forbids, there being no lock file, and what would be left in the home folder.
    const own = {
      YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
      YARN_ENABLE_GLOBAL_CACHE: "false",
      YARN_GLOBAL_FOLDER: path.join(folder, "yarn"),
      PATH: `${path.dirname(node)}${path.delimiter}${env.PATH}`,
    };
    return cell(project, { ...env, ...own }, [[...program, ...install], run(program, node)]);
  });
}

const yarn = (linker) => (folder, given) =>
  managed(folder, given, {
    manager: "yarn",
    script: ["@yarnpkg", "cli-dist", "bin", "yarn.js"],
    files: (address) => ({
      "yarn.lock": "",
      ".yarnrc.yml": [
        `nodeLinker: ${linker}`,
        "enableTelemetry: false",
        'unsafeHttpWhitelist: ["127.0.0.1"]',
        `npmScopes: { backloghq: { npmRegistryServer: "${address}" } }`,
        "",
      ].join("\n"),
    }),
    install: ["install"],
    run: (program) => [...program, "node", "program.mjs"],
  });

function pnpm(folder, given) {
  return managed(folder, given, {
    manager: "pnpm",
    script: ["pnpm", "bin", "pnpm.cjs"],
    files: (address) => ({
      ".npmrc": `@backloghq:registry=${address}\nstore-dir=${path.join(folder, "store")}\n`,
    }),
    install: ["install", "--no-frozen-lockfile"],
    run: (_, node) => [node, "program.mjs"],
  });
}

/** The name of the package in an archive that npm made. */
const nameOf = (tarball) =>
  path.basename(tarball).replace(/^backloghq-(.+)-\d+\.\d+\.\d+\.tgz$/, "@backloghq/$1");

/** Two workspaces of npm's, each with a copy of its own, in one process and on one folder. */
function workspaces(folder, { tarballs, env, node }) {
  const project = folderOf(folder, { workspaces: ["one", "other"] });
  for (const name of ["one", "other"]) {
    mkdirSync(path.join(project, name));
    const dependencies = Object.fromEntries(tarballs.map((tarball) => [nameOf(tarball), `file:${tarball}`]));
    writeFileSync(
      path.join(project, name, "package.json"),
      JSON.stringify({ name, version: "1.0.0", dependencies }),
    );
    writeFileSync(path.join(project, name, "index.js"), `module.exports = require("${PACKAGE}");\n`);
  }
  // Each workspace with its own copy, as when they ask for different versions.
  npm(project, ["install", "--install-strategy=nested", "--legacy-peer-deps"], env);
  for (const name of ["one", "other"]) {
    const inside = path.join(project, name, "node_modules", PACKAGE);
    if (!existsSync(inside)) return `npm made no copy for the workspace ${name}`;
  }
  copyFileSync(path.join(programs, "workspaces.cjs"), path.join(project, "workspaces.cjs"));
  return cell(project, env, [[node, "workspaces.cjs"]]);
}

/** A program that Bun has compiled into one file, where nothing else is. */
function bunCompiled(folder, given) {
  const project = projectOf(path.join(folder, "project"), given);
  const alone = path.join(folder, "alone");
  mkdirSync(alone);
  const bun = given.runtime("Bun");
  const program = path.join(alone, process.platform === "win32" ? "program.exe" : "program");
  const compile = [bun, "build", "--compile", "program.mjs", "--outfile", program];
  const built = cell(project, given.env, [compile, [given.node, "--eval", "console.log('works')"]]);
  if (built !== "ok") return built;
  rmSync(project, { recursive: true });
  return cell(alone, given.env, [[program]]);
}

/** Deno without a permission for addons says which is missing; with it, it works. */
function denoWithoutAddons(folder, given) {
  const project = projectOf(folder, given);
  const run = (...more) => [
    given.runtime("Deno"),
    ...["run", "--quiet", "--node-modules-dir=manual", "--no-prompt"],
    ...["--allow-read", "--allow-write", "--allow-env", ...more, "program.mjs"],
  ];
  const refused = cell(
    project,
    given.env,
    [run()],
    /^OPSLOG_NATIVE_UNAVAILABLE [^]*start it with --allow-ffi/m,
  );
  return refused === "ok" ? cell(project, given.env, [run("--allow-ffi")]) : refused;
}

/** A server that Next builds: with the package bundled, or left outside and copied along with the server. */
const next = (config) => (folder, given) => {
  const project = projectOf(folder, given, ["next@15", "react@19", "react-dom@19"]);
  mkdirSync(path.join(project, "app", "api"), { recursive: true });
  const put = (name, text) => writeFileSync(path.join(project, name), text);
  put("next.config.mjs", `export default ${JSON.stringify(config)};\n`);
  put("app/layout.jsx", "export default ({ children }) => <html><body>{children}</body></html>;\n");
  put("app/api/route.js", readFileSync(path.join(programs, "next-route.js"), "utf8"));
  const env = { ...given.env, NEXT_TELEMETRY_DISABLED: "1" };
  const script = path.join("node_modules", "next", "dist", "bin", "next");
  const started = config.output === "standalone" ? [".next/standalone/server.js"] : [script, "start"];
  return cell(project, env, [
    [given.node, script, "build"],
    [given.node, "next-server.mjs", ...started],
  ]);
};

/** Each of them by its name. */
export const surroundings = {
  pnpm,
  "Yarn 4, node_modules": yarn("node-modules"),
  "Yarn 4, Plug'n'Play": yarn("pnp"),
  "npm workspaces, two copies": workspaces,
  "bun build --compile": bunCompiled,
  "Deno without --allow-ffi": denoWithoutAddons,
  Electron: (folder, given) => electronCell(projectOf(folder, given, ["electron"]), given),
  "Next 15, bundled": next({}),
  "Next 15, standalone": next({ output: "standalone", serverExternalPackages: [PACKAGE] }),
};
