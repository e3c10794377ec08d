/**
 * Runs a campaign and keeps what it printed, for docs/reliability-report.md.
 *
 *   npm run report -- soak:kill --kills 3000     runs `npm run soak:kill -- --kills 3000`
 *   npm run report                               only makes the part of the page anew
 *
 * The command, the commit, the time and the last lines go into docs/reliability/NAME.txt, which is also read by those who want to
 * compare two runs.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { replaceBlock } from "../bench/document.mjs";
import { origin, showOrigin } from "../bench/results.mjs";
import { buildAddon } from "../scripts/build.mjs";
import { fail, requireCargo, requireModules, requireNode, root } from "../scripts/setup.mjs";

const LINES_KEPT = 40;
const folder = path.join(root, "docs/reliability");
const page = path.join(root, "docs/reliability-report.md");

/** Lines that tell how far a campaign has come are no result. */
const isProgress = (line) =>
  line.trim() === "" || /^\s*(Compiling|Finished|Running|Building|Fresh|Checking)\b/.test(line);

async function runCampaign(name, args) {
  const child = spawn("npm", ["run", "--silent", name, "--", ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (isProgress(line)) continue;
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
  }
  const status = child.exitCode ?? (await new Promise((done) => child.once("exit", done)));
  return { status, lines };
}

/** One run in the page: its command, where it ran, its last lines. */
function writePage() {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .sort();
  const runs = names.map(
    (name) => `\`\`\`text\n${readFileSync(path.join(folder, name), "utf8").trimEnd()}\n\`\`\``,
  );
  writeFileSync(page, replaceBlock(readFileSync(page, "utf8"), "campaigns", runs.join("\n\n")));
}

const [name, ...args] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
if (name !== undefined) {
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  if (!scripts[name]?.startsWith("node campaigns/")) fail(`There is no campaign ${name}.`);
  requireNode();
  requireCargo();
  requireModules();
  // What is reported is what the sources do that the commit names.
  buildAddon();
  const started = performance.now();
  const { status, lines } = await runCampaign(name, args);
  const seconds = Math.round((performance.now() - started) / 1000);
  const command = `$ npm run ${name}${args.length > 0 ? ` -- ${args.join(" ")}` : ""}`;
  const day = execFileSync("date", ["-u", "+%F"], { encoding: "utf8" }).trim();
  const head = `${showOrigin(origin())}, ${day}, ${seconds} s, ${status === 0 ? "passed" : `FAILED (${status})`}`;
  writeFileSync(
    path.join(folder, `${name.replaceAll(":", "-")}.txt`),
    `${[command, head, ...lines].join("\n")}\n`,
  );
  process.exitCode = status ?? 1;
}
writePage();
