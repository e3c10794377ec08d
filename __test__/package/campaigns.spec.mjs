/** The campaigns and the report of what they printed. */
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import test from "ava";
import { campaignOf, campaigns, commandOf, fileOf } from "../../campaigns/report/campaigns.mjs";
import { contributingPage, reportPage, runBlock } from "../../campaigns/report/pages.mjs";
import {
  capacityPage,
  costPage,
  dollarTable,
  fetchPage,
  latencyPage,
  PRICES,
  readCapacity,
  readCost,
  readFetched,
  readLatency,
  requestTable,
} from "../../campaigns/s3/cost-page.mjs";
import { LEFT_OUT, SHORT } from "../../scripts/windows/specs.mjs";
import { folder, keptOf, LastLines, LINES_KEPT, textOf } from "../../campaigns/report/runs.mjs";

const project = (name) => new URL(`../../${name}`, import.meta.url);
const { scripts } = JSON.parse(await readFile(project("package.json"), "utf8"));

test("every campaign of the report, runs a script of package.json, and every campaign of package.json is in the report", (t) => {
  const reported = new Set(campaigns.map(({ name }) => campaignOf(name).script));
  for (const script of reported) t.truthy(scripts[script], script);
  // What a call costs on S3 is no attack: docs/s3.md has it.
  const others = new Set(["report", "cost:s3"]);
  for (const [script, command] of Object.entries(scripts)) {
    if (!command.startsWith("node campaigns/") || others.has(script)) continue;
    t.true(reported.has(script), script);
  }
});

test("campaignOf(), arguments behind the name, replace those of the list", (t) => {
  t.is(commandOf(campaignOf("soak:verify")), "npm run soak:verify -- --seconds 25");
  t.is(commandOf(campaignOf("soak:verify", ["--seconds", "1"])), "npm run soak:verify -- --seconds 1");
  t.is(commandOf(campaignOf("planted-bugs")), "npm run planted-bugs");
  t.is(campaignOf("faults:0.8.1").script, "faults");
  t.is(campaignOf("nothing"), undefined);
});

test("every file of docs/reliability, belongs to a campaign and begins with a command that runs its script", async (t) => {
  const files = new Map(campaigns.map(({ name }) => [fileOf({ name }), campaignOf(name)]));
  for (const name of await readdir(folder)) {
    t.true(files.has(name), name);
    const text = await readFile(new URL(`docs/reliability/${name}`, project("x")), "utf8");
    t.regex(text, new RegExp(`^\\$ npm run ${files.get(name).script}( -- .*)?\n`), name);
  }
});

test("the report and the table of campaigns, are made from the files of docs/reliability", async (t) => {
  for (const [name, made] of [
    ["docs/reliability-report.md", reportPage],
    ["CONTRIBUTING.md", contributingPage],
  ]) {
    const page = await readFile(project(name), "utf8");
    t.true(made(page) === page, `${name}: \`npm run report\` makes the page anew`);
  }
});

test("LastLines, progress among results, keeps the last results only", (t) => {
  const last = new LastLines();
  for (const line of [
    "   Compiling opslog v0.8.2",
    "running 5 tests",
    "test a_test ... ok",
    "",
    "   12 s  10 folders, 3 kills",
    "3 s: 500 runs",
    "    at Follower.hear (file:///somewhere/follower.mjs:65:44)",
    "wal    311 s   27580 runs",
    "took   12 s",
  ])
    last.add(line);
  t.deepEqual(last.lines, ["wal    311 s   27580 runs", "took   12 s"]);
  for (let n = 0; n < 2 * LINES_KEPT; n++) last.add(`result ${n}`);
  t.is(last.lines.length, LINES_KEPT);
  t.is(last.lines.at(-1), `result ${2 * LINES_KEPT - 1}`);
});

test("textOf(), a run that passed and one that failed, says the command, where it ran, and how it ended", (t) => {
  const run = { origin: "Node 20, commit 1234567", day: "2026-11-29", seconds: 12, lines: ["all well"] };
  const campaign = campaignOf("soak:verify");
  const [command, where, ...rest] = textOf(campaign, { ...run, status: 0 }).split("\n");
  t.is(command, "$ npm run soak:verify -- --seconds 25");
  t.regex(where, /^Node 20, commit 1234567, \S+ \S+, \d+ cores, 2026-11-29, 12 s, passed$/);
  t.deepEqual(rest, ["all well", ""]);
  t.regex(textOf(campaign, { ...run, status: "SIGKILL" }), /, 12 s, FAILED \(SIGKILL\)\n/);
});

test("runBlock(), a campaign without a file, says how to run it", (t) => {
  const never = { name: "never", script: "never", args: ["--runs", "1"] };
  t.is(keptOf(never), undefined);
  t.is(runBlock(never), "Not run for this page yet: `npm run never -- --runs 1`.");
});

test("the tables of docs/s3.md, are made from the files in docs/s3", async (t) => {
  const page = await readFile(project("docs/s3.md"), "utf8");
  const counted = fetchPage(costPage(page, await readCost()), await readFetched());
  const made = latencyPage(capacityPage(counted, await readCapacity()), await readLatency());
  t.true(made === page, "`npm run cost:s3 -- --page` makes the tables anew");
  const thousand = (kind) => (PRICES[kind] * 1000).toFixed(4).replace(/0$/, "");
  t.true(
    page.includes(
      `(PUT and LIST ${thousand("PUT")} dollars a thousand, GET and HEAD ${thousand("GET")} a thousand)`,
    ),
  );
});

test("requestTable() and dollarTable(), requests of some calls, leave deletions out and count the roll-ups", async (t) => {
  const calls = [{ call: "set", requests: { PUT: 1, DELETE: 5, HEAD: 2 }, bytesUp: 1000, bytesDown: 0 }];
  t.regex(requestTable({ node: "20", commit: "1", calls }), /\| set \| 3 \| 1 PUT, 2 HEAD \| 1,000 \| 0 \|/);
  const measured = (await readCost()).calls.map((each) => ({ ...each, requests: { PUT: 1 } }));
  // 43,200 minutes of 20 agents, two calls of one PUT each, and one PUT more for 15.
  t.regex(dollarTable({ calls: measured }), /a minute \| 1,840,000 \| 0 \| 0 \| 9\.22 \|/);
  t.throws(() => dollarTable({ calls: [] }), { message: /has no call "single writer: set, awaited"/ });
});

test("the specs that test:windows leaves out, and those of its short form, are there", (t) => {
  for (const name of [...Object.keys(LEFT_OUT), ...SHORT])
    t.true(existsSync(project(`__test__/${name}.spec.mjs`)), name);
});
