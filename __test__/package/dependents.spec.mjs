/**
 * The published packages that depend on ours, doing their real work on the package as it is released: installed from
 * its tarballs through an override, outside of the checkout, and compared with the same on the original.
 */
import { randomUUID } from "node:crypto";
import { cp, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { hasPython, startMoto } from "../../campaigns/s3/moto.mjs";
import { installDependents, runProgram } from "../helpers/dependents.mjs";

const modes = ["memory", "disk", "auto"];
const canServe = await hasPython();
if (!canServe) console.error("SKIPPED: what needs an S3 server needs python3, which is not here");
const s3Test = canServe ? test : test.skip;

let folders;
let server;
let data;
/** What ours and the original answered to every call of a tool; the folders that they wrote stay below `data`. */
const answers = {};

/** Runs a program. Returns what each check returned, by title; fails if one of them failed, or if there are others. */
async function runChecks(t, installation, program, titles, { args, env } = {}) {
  t.timeout(180_000);
  const outcomes = await runProgram(folders[installation], program, {
    args,
    env: { S3_ENDPOINT: server?.endpoint ?? "", ...env },
  });
  t.deepEqual(
    outcomes.filter(({ error }) => error !== null),
    [],
    program,
  );
  if (typeof titles === "number") t.is(outcomes.length, titles, program);
  else
    t.deepEqual(
      outcomes.map(({ title }) => title),
      titles,
    );
  return Object.fromEntries(outcomes.map(({ title, result }) => [title, result]));
}

test.before(
  "the dependents are installed, the S3 server runs, and both versions have answered",
  async (t) => {
    t.timeout(900_000);
    folders = await installDependents();
    if (canServe) server = await startMoto();
    data = await mkdtemp(join(tmpdir(), "opslog-dependents-data-"));
    for (const installation of ["ours", "original"]) {
      const env = { DATA_FOLDER: join(data, installation) };
      answers[installation] = await runChecks(t, installation, "agentdb-tools.mjs", modes, { env });
    }
  },
);

test.after.always(async () => {
  await server?.stop();
  if (data !== undefined) await rm(data, { recursive: true, force: true });
});

test("there is one copy of the package in each installation, ours and the original", async (t) => {
  const read = async (path) => JSON.parse(await readFile(path, "utf8"));
  const { version } = await read(new URL("../../package.json", import.meta.url));
  for (const [installation, expected] of [
    ["ours", version],
    ["original", "0.8.1"],
  ]) {
    const scope = join(folders[installation], "node_modules", "@backloghq");
    t.is((await read(join(scope, "opslog", "package.json"))).version, expected);
    t.deepEqual(
      (await readdir(join(scope, "opslog"))).filter((name) => name === "native"),
      [],
    );
    for (const dependent of ["agentdb", "opslog-s3"]) {
      const nested = await readdir(join(scope, dependent, "node_modules", "@backloghq")).catch(() => []);
      t.false(nested.includes("opslog"));
    }
  }
});

for (const [program, count] of Object.entries({ "agentdb-collections.mjs": 14, "agentdb-disk.mjs": 5 })) {
  test(`every check of ${program} passes`, async (t) => {
    await runChecks(t, "ours", program, count);
  });
}

for (const [program, count] of Object.entries({ "agentdb-agents.mjs": 4, "s3-store.mjs": 9 })) {
  s3Test(`every check of ${program} passes on a real S3 server`, async (t) => {
    await runChecks(t, "ours", program, count);
  });
}

for (const mode of modes) {
  test(`every tool of agentdb, in ${mode} mode, answers as on the original`, (t) => {
    t.true(answers.ours[mode].length > 45);
    t.deepEqual(answers.ours[mode], answers.original[mode]);
  });
}

test("the MCP server of agentdb, with a real client, answers as on the original, and keeps what it answered", async (t) => {
  const told = await runChecks(t, "ours", "agentdb-mcp.mjs", 3);
  t.deepEqual(told.stdio, answers.original.memory);
});

for (const mode of modes) {
  for (const [writer, other] of [
    ["ours", "original"],
    ["original", "ours"],
  ]) {
    test(`a database in ${mode} mode, written by ${writer}, is read, worked on and handed back by ${other}`, async (t) => {
      const tell = async (installation, folder, env) => {
        const run = { args: [folder, mode], env };
        return (await runChecks(t, installation, "agentdb-folder.mjs", ["folder"], run)).folder;
      };
      const copy = async (name) => {
        const to = join(data, `${writer}-${mode}-${name}`);
        await cp(join(data, writer, mode), to, { recursive: true });
        return to;
      };
      const [one, two] = [await copy("one"), await copy("two")];
      const found = await tell(other, one);
      t.is(found.found.notes.records.length, 6);
      t.deepEqual(found.locks, []);
      t.deepEqual(await tell(writer, two), found);
      // Each works on what the other has left.
      for (const [round, installation] of [other, writer].entries()) {
        const worked = await tell(installation, one, { WORK: `round${round}` });
        t.true(worked.found.notes.records.some(({ _id }) => _id === `round${round}-2`));
        const reader = installation === other ? writer : other;
        t.deepEqual(withoutHistories(await tell(reader, one)), withoutHistories(worked));
      }
    });
  }
}

/** Histories end with the session: who opens a folder anew sees those of the operations since the last checkpoint. */
function withoutHistories({ found, locks }) {
  const collections = Object.entries(found).map(([name, { histories: _, ...rest }]) => [name, rest]);
  return { found: Object.fromEntries(collections), locks };
}

for (const [writer, other] of [
  ["ours", "original"],
  ["original", "ours"],
]) {
  s3Test(
    `a store in a bucket, written by ${writer}, is read, worked on and handed back by ${other}`,
    async (t) => {
      const bucket = randomUUID();
      const tell = async (installation, env, ...more) => {
        const run = { args: [bucket, ...more], env };
        return (await runChecks(t, installation, "s3-bucket.mjs", ["bucket"], run)).bucket;
      };
      await tell(writer, { WORK: "first" }, "new");
      for (const [round, installation] of [other, writer].entries()) {
        const worked = await tell(installation, { WORK: `round${round}` });
        t.is(worked.entries.length, 4 + 2 * (round + 1));
        t.deepEqual(await tell(installation === other ? writer : other), worked);
      }
    },
  );
}
