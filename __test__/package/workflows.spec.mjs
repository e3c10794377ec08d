/** The workflows of GitHub: what they run is there. That the steps themselves run, `npm run ci:dry-run` tries. */
import { existsSync, readFileSync } from "node:fs";
import test from "ava";
import { combinationsOf, filled, readJobs } from "../../scripts/workflows/jobs.mjs";

const project = (name) => new URL(`../../${name}`, import.meta.url);
const { scripts } = JSON.parse(readFileSync(project("package.json"), "utf8"));
const steps = readJobs({ workspace: "/clone" }).flatMap((job) => job.steps);

test("a script of npm that a workflow runs, is one of package.json", (t) => {
  const names = steps.flatMap(({ run = "" }) => [...run.matchAll(/\bnpm (?:run )?(test|[\w:]+:[\w:]+)/g)]);
  t.true(names.length > 5);
  for (const [, name] of names) t.true(name in scripts, name);
});

test("a program that a workflow runs, is there", (t) => {
  const files = steps.flatMap(({ run = "" }) => [...run.matchAll(/\bnode (scripts\/\S+)/g)]);
  t.true(files.length > 0);
  for (const [, file] of files) t.true(existsSync(project(file)), file);
});

test("combinationsOf(), lists and further combinations, gives each", (t) => {
  t.deepEqual(combinationsOf(), [{}]);
  t.deepEqual(combinationsOf({ include: [{ os: "a" }] }), [{ os: "a" }]);
  t.deepEqual(combinationsOf({ os: ["a"], node: [20, 22], include: [{ os: "b", node: 24 }] }), [
    { os: "a", node: 20 },
    { os: "a", node: 22 },
    { os: "b", node: 24 },
  ]);
});

test("filled(), a name that is not known, throws", (t) => {
  t.is(filled("node ${{ matrix.node }}", { matrix: { node: 24 } }), "node 24");
  t.throws(() => filled("${{ matrix.os }}", { matrix: {} }), { message: /nothing is known of/ });
});
