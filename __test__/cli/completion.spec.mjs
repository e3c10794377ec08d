/** `opslog completion`: the scripts, tried in the shells that are there. */
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { commands } from "../../cli/commands/index.mjs";
import { cli } from "../helpers/cli.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const has = (shell) => spawnSync(shell, ["--version"]).status === 0;
const testIn = (shell) => (has(shell) ? test : test.skip);

for (const shell of ["bash", "zsh", "fish"])
  test(`completion ${shell}, names every command and every option`, async (t) => {
    const { status, stdout, stderr } = await cli(t, ["completion", shell]);
    t.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    for (const [name, { options = {} }] of Object.entries(commands)) {
      t.true(stdout.includes(name));
      for (const option of Object.keys(options)) t.true(stdout.includes(option), option);
    }
  });

test("completion of another shell, ends with 2", async (t) => {
  t.is((await cli(t, ["completion", "tcsh"])).status, 2);
  t.is((await cli(t, ["completion"])).status, 2);
});

testIn("bash")(
  "the script for bash, completes commands, options of a command, shells and files",
  async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, "records.jsonl"), "");
    await writeFile(join(folder, "script"), (await cli(t, ["completion", "bash"])).stdout);
    const completed = (...words) => {
      const list = words.map((word) => `'${word}'`).join(" ");
      const { stdout, status, stderr } = spawnSync(
        "bash",
        [
          "-c",
          `source ./script; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _opslog; printf '%s\\n' "\${COMPREPLY[@]}"`,
        ],
        { cwd: folder, encoding: "utf8" },
      );
      t.is(status, 0, stderr);
      return stdout.trim().split("\n");
    };
    t.deepEqual(completed("opslog", "st"), ["stats"]);
    t.deepEqual(completed("opslog", "re"), ["revert", "repair", "recover"]);
    t.deepEqual(completed("opslog", "ls", "data", "--fi"), ["--fields", "--filter"]);
    t.deepEqual(completed("opslog", "import", "data", "rec"), ["records.jsonl"]);
    t.deepEqual(completed("opslog", "completion", "z"), ["zsh"]);
  },
);

test("the scripts for zsh and fish, are such, as far as these shells are there to say so", async (t) => {
  for (const [shell, args] of [
    ["zsh", ["-n"]],
    ["fish", ["--no-execute"]],
  ]) {
    const file = join(await temporaryFolder(t), "script");
    await writeFile(file, (await cli(t, ["completion", shell])).stdout);
    const { status, stderr, error } = spawnSync(shell, [...args, file], { encoding: "utf8" });
    if (error === undefined) t.is(status, 0, stderr);
    else t.is(error.code, "ENOENT");
  }
});
