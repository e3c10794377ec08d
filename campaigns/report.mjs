/**
 * Runs a campaign and keeps what it printed, for docs/reliability-report.md.
 *
 *   npm run report -- soak:kill                  runs it with the arguments of campaigns/report/campaigns.mjs
 *   npm run report -- soak:kill --kills 300      runs `npm run soak:kill -- --kills 300`
 *   npm run report -- all                        runs every campaign, one after the other: some hours
 *   npm run report                               only makes the pages anew
 *
 * The command, the commit, the time and the last lines go into docs/reliability/NAME.txt. Then the blocks of docs/reliability-report.md
 * and the table of CONTRIBUTING.md are made from these files.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { origin, showOrigin } from "../bench/results.mjs";
import { buildAddon } from "../scripts/build.mjs";
import { fail, requireCargo, requireModules, requireNode, root } from "../scripts/setup.mjs";
import { campaignOf, campaigns, fileOf } from "./report/campaigns.mjs";
import { contributingPage, reportPage } from "./report/pages.mjs";
import { folder, LastLines, textOf } from "./report/runs.mjs";

async function printedBy({ script, args }) {
  const child = spawn("npm", ["run", "--silent", script, "--", ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((done) => child.once("close", (code, signal) => done(code ?? signal)));
  const last = new LastLines();
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    last.add(line);
  }
  return { status: await ended, lines: last.lines };
}

/** Runs a campaign and keeps what it printed. One that printed nothing could not begin, and replaces no earlier run. */
async function report(campaign) {
  const from = showOrigin(origin());
  const started = performance.now();
  const { status, lines } = await printedBy(campaign);
  if (status !== 0) process.exitCode = 1;
  if (lines.length === 0) return;
  const seconds = Math.round((performance.now() - started) / 1000);
  const day = new Date().toISOString().slice(0, 10);
  const text = textOf(campaign, { origin: from, day, seconds, status, lines });
  writeFileSync(path.join(folder, fileOf(campaign)), text);
}

function makePage(name, made) {
  const file = path.join(root, name);
  writeFileSync(file, made(readFileSync(file, "utf8")));
}

function makePages() {
  makePage("docs/reliability-report.md", reportPage);
  makePage("CONTRIBUTING.md", contributingPage);
}

const [name, ...args] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
if (name !== undefined) {
  const chosen = name === "all" ? campaigns.map((each) => campaignOf(each.name)) : [campaignOf(name, args)];
  if (chosen.includes(undefined)) {
    fail(`There is no campaign ${name}; there are ${campaigns.map((each) => each.name).join(", ")}.`);
  }
  requireNode();
  requireCargo();
  requireModules();
  // What is reported is what the sources do that the commit names.
  buildAddon();
  for (const campaign of chosen) {
    await report(campaign);
    makePages();
  }
}
makePages();
