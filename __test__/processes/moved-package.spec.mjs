/** Modules are loaded when the package is, or when a store is opened: what happens to their files later harms no call. */
import { execFile } from "node:child_process";
import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = fileURLToPath(new URL("../helpers/moved-program.mjs", import.meta.url));
const carriers = [
  "a folder",
  "a folder of agents",
  "a reader",
  "a backend",
  "a backend with agents",
  "a subclass of FsBackend",
];

/** Runs the program with a copy of the package that may be moved. */
async function run(t, carrier, fate, descriptors = "unlimited") {
  const home = join(await temporaryFolder(t), "package");
  await mkdir(home);
  for (const name of ["index.js", "index.mjs", "lib", "package.json"]) {
    await cp(join(root, name), join(home, name), { recursive: true });
  }
  await symlink(join(root, "native"), join(home, "native"), "junction");
  const node = [process.execPath, program, home, carrier, fate];
  const limited = ["-c", `ulimit -n ${descriptors} && exec "$@"`, "sh", ...node];
  const { stdout } = await (descriptors === "unlimited"
    ? promisify(execFile)(node[0], node.slice(1))
    : promisify(execFile)("sh", limited));
  return JSON.parse(stdout);
}

for (const carrier of carriers) {
  test.serial(`every call of ${carrier} does the same after the package was moved away`, async (t) => {
    const expected = await run(t, carrier, "stays");
    t.is(expected.close, "done");
    t.deepEqual(await run(t, carrier, "moves"), expected);
  });
}

for (const carrier of carriers) {
  test.serial(
    `calls of ${carrier} without a free descriptor have codes, and work once there is one`,
    async (t) => {
      const { first, afterwards, close } = await run(t, carrier, "runs out", 100);
      for (const [name, outcome] of Object.entries(first)) {
        if (!name.startsWith("FsBackend.")) t.regex(outcome, /^done$|^OPSLOG_/, name);
        t.notRegex(outcome, /MODULE|TypeError/, name);
      }
      for (const name of ["streamSnapshot(), all of it", "getWalOps(), all of it", "refresh()"]) {
        t.is(afterwards[name], "done", name);
      }
      if (/folder|reader/.test(carrier)) {
        t.is(first["verify()"], "OPSLOG_IO EMFILE");
        for (const name of ["verify()", "repair()", "backup()"]) t.is(afterwards[name], "done", name);
      }
      t.is(close, "done");
    },
  );
}
