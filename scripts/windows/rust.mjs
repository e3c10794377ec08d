// The Rust tests as programs for Windows.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { crossEnvironment } from "../package/cross-build.mjs";
import { fail, root } from "../setup.mjs";
import { runInWine } from "./wine.mjs";

const TARGET = "x86_64-pc-windows-gnullvm";
/** The tests that are run beside those of the library itself: what says something of Windows, or of the engine as a whole. */
const TESTS = ["store_behaviour", "lock", "lock_processes", "sim_disk", "explorer"];

/** Where the programs go: Wine sees the project's folder alone, and cargo may have another for what it builds. */
const FOLDER = ".cache/windows-tests";

/** Builds the tests. Returns the path of each program, below the project's folder. */
export function buildRustTests() {
  mkdirSync(path.join(root, FOLDER), { recursive: true });
  const wanted = ["--lib", ...TESTS.flatMap((name) => ["--test", name])];
  const args = [
    "test",
    "--no-run",
    ...wanted,
    "--target",
    TARGET,
    "--message-format=json-render-diagnostics",
  ];
  const { status, stdout } = spawnSync("cargo-zigbuild", args, {
    cwd: root,
    env: crossEnvironment("win32-x64-msvc"),
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) fail("The Rust tests could not be built for Windows; cargo's output above says why.");
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter(({ executable }) => executable)
    .map(({ executable, target: { name } }) => {
      const file = `${FOLDER}/${name}.exe`;
      copyFileSync(executable, path.join(root, file));
      return { name, file };
    });
}

/** Runs them. Returns for each a row: its name, the seconds that it took, what it said, and what was wrong. */
export function* rustRows(programs) {
  for (const { name, file } of programs) {
    const started = performance.now();
    const { status, signal, stdout, stderr } = runInWine(file, [], { timeoutMs: 1_800_000 });
    const [, passed, failed] = /test result: .*? (\d+) passed; (\d+) failed/.exec(stdout) ?? [];
    const said = passed === undefined ? `exit ${status ?? signal}` : `${passed} passed, ${failed} failed`;
    const lines = `${stdout}\n${stderr}`.trim().split("\n");
    const complaint =
      status === 0
        ? ""
        : lines
            .filter((line) => !line.endsWith("... ok"))
            .slice(-40)
            .join("\n");
    yield [`${name}.exe`, (performance.now() - started) / 1000, said, complaint];
  }
}
