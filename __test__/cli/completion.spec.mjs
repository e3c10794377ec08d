/** `opslog completion`: the scripts, tried in the shells that are there. */
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { commands } from "../../cli/commands/index.mjs";
import { cli, hasTerminal } from "../helpers/cli.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const has = (shell) => spawnSync(shell, ["--version"]).status === 0;
const CONFLICTS = ["replace", "skip", "newer=", "fail"];
const testIn = (shell) => (has(shell) ? test : test.skip);

for (const shell of ["bash", "zsh", "fish"])
  test(`completion ${shell}, names every command and every option`, async (t) => {
    const { status, stdout, stderr } = await cli(t, ["completion", shell]);
    t.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    for (const value of [...CONFLICTS, "jsonl", "kernel"]) t.true(stdout.includes(value), value);
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
    t.deepEqual(completed("opslog", "import", "data", "--on-conflict", ""), CONFLICTS);
    t.deepEqual(completed("opslog", "export", "data", "--format", "c"), ["csv"]);
    t.deepEqual(completed("opslog", "export", "data", "--format", "="), ["jsonl", "csv"]);
    t.deepEqual(completed("opslog", "export", "data", "--format", "=", "c"), ["csv"]);
    t.deepEqual(completed("opslog", "import", "data", "--agent", "rec"), ["records.jsonl"]);
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

testIn("fish")(
  "the script for fish, completes commands, options of a command, shells and files",
  async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, "records.jsonl"), "");
    await writeFile(join(folder, "script"), (await cli(t, ["completion", "fish"])).stdout);
    const completed = (line) => {
      const { stdout, status, stderr } = spawnSync(
        "fish",
        ["--no-config", "-c", `source script; complete -C '${line}'`],
        { cwd: folder, encoding: "utf8" },
      );
      t.is(status, 0, stderr);
      return stdout
        .split("\n")
        .filter(Boolean)
        .map((each) => each.split("\t")[0])
        .sort();
    };
    t.deepEqual(completed("opslog st"), ["stats"]);
    t.deepEqual(completed("opslog re"), ["recover", "repair", "revert"]);
    t.deepEqual(completed("opslog help re"), ["recover", "repair", "revert"]);
    t.deepEqual(completed("opslog ls data --fi"), ["--fields", "--filter"]);
    t.deepEqual(completed("opslog import data --on-conflict "), [...CONFLICTS].sort());
    t.deepEqual(completed("opslog export data --format=c"), ["--format=csv"]);
    t.deepEqual(completed("opslog import data rec"), ["records.jsonl"]);
    t.deepEqual(completed("opslog completion z"), ["zsh"]);
  },
);

// Completion of zsh needs its line editor, and that a terminal. What it has made of a line is printed by a command around it.
const inZsh = `
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", HOME=os.getcwd())
    os.execvp("zsh", ["zsh", "-f", "-i"])
def until(mark):
    seen = b""
    while mark not in seen:
        seen += os.read(fd, 65536)
    return seen
def quiet(seconds):
    while select.select([fd], [], [], seconds)[0]:
        os.read(fd, 65536)
os.write(fd, b"bindkey -e; PROMPT=; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; LISTMAX=0; print BEG''UN\\n")
until(b"BEGUN")
for line in sys.argv[1:]:
    # The shell completes nothing while more is typed already.
    for seconds in 0.5, 2, 8, 20:
        os.write(fd, line.encode() + b"\\t")
        quiet(seconds)
        os.write(fd, b"\\x01print -r -- '<\\x05>' E''ND\\n")
        found = until(b"> END").rsplit(b"<", 1)[1].split(b">")[0].decode()
        if found.strip() != line:
            break
    print(found)
os.close(fd)
`;

const inZshOnTerminal = has("zsh") && hasTerminal ? test : test.skip;

inZshOnTerminal(
  "the script for zsh, completes commands, options of a command, shells and files",
  async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, "records.jsonl"), "");
    await writeFile(join(folder, "_opslog"), (await cli(t, ["completion", "zsh"])).stdout);
    const completed = {
      "opslog st": "opslog stats",
      "opslog help hi": "opslog help history",
      "opslog ls data --fie": "opslog ls data --fields",
      "opslog import data rec": "opslog import data records.jsonl",
      "opslog completion z": "opslog completion zsh",
    };
    const { stdout, stderr } = spawnSync("python3", ["-c", inZsh, ...Object.keys(completed)], {
      cwd: folder,
      encoding: "utf8",
      timeout: 100_000,
    });
    t.deepEqual(stdout.split("\n").slice(0, -1), Object.values(completed), stderr);
  },
);
