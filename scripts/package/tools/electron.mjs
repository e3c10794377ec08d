// A program in the main process of Electron. The package `electron` on npm has no program in it: its installation fetches one from
// another place, which not every machine can reach.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execute, cell, untested } from "./cell.mjs";

const MAIN = `const { app } = require("electron");
const check = async () => (await import("./check.mjs")).check(require("@backloghq/opslog"));
app
  .whenReady()
  .then(check)
  .then(console.log, console.log)
  .then(() => app.quit());
`;

/** What a program with windows needs before it on a machine without a screen. Undefined if that is not installed. */
function screen() {
  if (process.platform !== "linux") return [];
  return spawnSync("xvfb-run", ["--help"]).error === undefined ? ["xvfb-run", "--auto-servernum"] : undefined;
}

/** Runs the program in a project that has the package and Electron installed. */
export function electronCell(project, { env, node }) {
  const fetched = execute(project, env, [node, path.join("node_modules", "electron", "install.js")]);
  if (fetched.status !== 0) {
    const [reason] = fetched.stderr.trim().split("\n");
    return untested(`the program of Electron could not be fetched (${reason})`);
  }
  const display = screen();
  if (display === undefined) return untested("there is no screen, and no xvfb-run");
  writeFileSync(path.join(project, "electron.cjs"), MAIN);
  const home = path.join(project, "node_modules", "electron");
  const program = path.join(home, "dist", readFileSync(path.join(home, "path.txt"), "utf8").trim());
  return cell(project, env, [[...display, program, "--no-sandbox", "electron.cjs"]]);
}
