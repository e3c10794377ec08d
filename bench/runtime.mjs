/** The Node that the benchmark runs on: the newest one with long-term support, from npm, whatever Node began it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { installNode } from "../scripts/package/runtimes.mjs";
import { fail, requireBenchModules, root } from "../scripts/setup.mjs";

const NEWEST_WITH_SUPPORT = 24;

/** Runs this program again on that Node and ends with it, unless it is that one; with "current" it goes on as it is. */
export function goOnWith(wanted = String(NEWEST_WITH_SUPPORT)) {
  const [major] = process.versions.node.split(".");
  if (wanted === "current" || wanted === major) return;
  if (!/^\d+$/.test(wanted))
    fail(`--node takes a major version or "current", got ${JSON.stringify(wanted)}.`);
  const program = installNode(path.join(root, ".cache/bench"), wanted);
  const { status, signal } = spawnSync(program, process.argv.slice(1), { stdio: "inherit" });
  process.exit(status ?? (signal === "SIGINT" ? 130 : 1));
}

/** Whether this is the Node that the pages are about; what was measured on another has a table of its own. */
export const isUsualNode = () => process.versions.node.startsWith(`${NEWEST_WITH_SUPPORT}.`);

/** Installs the peers; the one whose binary is for another Node is built for this one, with the headers beside it. */
export function requirePeers(stores) {
  requireBenchModules();
  if (!stores.includes("better-sqlite3")) return;
  const folder = path.join(root, "bench");
  const loads = () =>
    spawnSync(process.execPath, ["-e", "new (require('better-sqlite3'))(':memory:')"], { cwd: folder })
      .status === 0;
  if (loads()) return;
  console.error(`Building better-sqlite3 for Node ${process.versions.node}...`);
  const bin = path.dirname(process.execPath);
  const headers = path.dirname(bin);
  const env = {
    ...process.env,
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
    npm_config_build_from_source: "true",
    ...(existsSync(path.join(headers, "include/node")) && { npm_config_nodedir: headers }),
  };
  const args = ["rebuild", "better-sqlite3", "--loglevel=error"];
  spawnSync("npm", args, { cwd: folder, env, stdio: "inherit", shell: process.platform === "win32" });
  if (!loads()) console.error("better-sqlite3 cannot be had for this Node: its rows stay empty.");
}
