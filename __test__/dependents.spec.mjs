/** The published packages that depend on ours, doing their real work on the package of this checkout. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { installDependents, runProgram } from "./helpers/dependents.mjs";

let installation;

test.before("the dependents are installed", async (t) => {
  t.timeout(300_000);
  installation = await installDependents();
});

test("there is one copy of the package, and it is this checkout's", async (t) => {
  const read = async (path) => JSON.parse(await readFile(path, "utf8"));
  const scope = join(installation, "node_modules", "@backloghq");
  const ours = await read(new URL("../package.json", import.meta.url));
  t.is((await read(join(scope, "opslog", "package.json"))).version, ours.version);
  for (const dependent of ["agentdb", "opslog-s3"]) {
    const nested = await readdir(join(scope, dependent, "node_modules", "@backloghq")).catch(() => []);
    t.false(nested.includes("opslog"));
  }
});

const programs = {
  "agentdb-collections.mjs": 14,
  "agentdb-disk.mjs": 5,
  "agentdb-agents.mjs": 4,
  "s3-store.mjs": 9,
};

for (const [program, count] of Object.entries(programs)) {
  test(`every check of ${program} passes`, async (t) => {
    t.timeout(120_000);
    const outcomes = await runProgram(installation, program);
    t.deepEqual(
      outcomes.filter((outcome) => outcome.error !== null),
      [],
    );
    t.is(outcomes.length, count);
  });
}
