/** The examples: each runs as it is, prints what it should, and leaves nothing behind. */
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { Store } from "../../index.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
const examples = fileURLToPath(new URL("../../examples", import.meta.url));

const printed = {
  "task-list": [
    "to do: Buy bread, Buy milk, Fetch the parcel",
    "after the post office: Buy bread, Buy milk",
    "undone: true",
    "so still to do: Buy bread, Buy milk, Fetch the parcel",
    "bought: 2",
    "after a restart: 3 tasks, to do: Fetch the parcel",
  ],
  "audit-trail": [
    "ada: limit 1000 (new customer)",
    "bob: limit 5000 (paid on time for a year)",
    "cyd: limit 50000 (typing error)",
    "before the last change the limit was 5000",
    "after the undo: 5000 by bob",
    "changes on record: 3",
    "archived: 1",
    "in the archive: Old Co",
    "left: 1 with 1 change of what is archived",
  ],
  dashboard: [
    "changed: attic, cellar; hottest: attic with 24",
    "changed: attic, garden; hottest: garden with 31",
    "changed: cellar; hottest: attic with 25",
    "changed: attic, kitchen; hottest: kitchen with 22",
  ],
  agents: [
    "ended well: true",
    "pages of crawler: 200",
    "pages of parser: 200",
    "pages of ranker: 200",
    "the one that all wrote to has one winner: true",
    "nothing is damaged: true",
  ],
  "job-queue": [
    // Windows has no signals: what ends a process gives its exit code.
    `how the first worker ended: ${process.platform === "win32" ? 1 : "SIGKILL"}`,
    "how the others ended: 0, 0",
    "done: 60",
    "finished once each: true",
    "results are right: true",
    "left by the one that died: 0",
  ],
};

for (const [name, lines] of Object.entries(printed)) {
  test(`example ${name}, run in a temporary folder, prints what it should and leaves nothing`, async (t) => {
    const TMPDIR = await temporaryFolder(t);
    const env = { ...process.env, TMPDIR, TEMP: TMPDIR, TMP: TMPDIR };
    const { stdout, stderr } = await run(process.execPath, [join(examples, name, "main.mjs")], { env });
    t.deepEqual({ lines: stdout.trimEnd().split("\n"), stderr }, { lines, stderr: "" });
    t.deepEqual(await readdir(TMPDIR), []);
  });

  test(`example ${name}, given a folder, leaves a store that is whole there`, async (t) => {
    const folder = await temporaryFolder(t);
    await run(process.execPath, [join(examples, name, "main.mjs"), folder]);
    t.like(await Store.verify(folder), { ok: true, damageCount: 0 });
  });
}

test("examples, all folders, are in the list and in the test", async (t) => {
  const entries = await readdir(examples, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const list = await readFile(join(examples, "README.md"), "utf8");
  for (const name of folders) t.true(list.includes(`[${name}](${name}/`), name);
  // Those for S3 need a server: s3/example.spec.mjs runs them.
  const withoutServer = folders.filter((name) => !["s3", "fleet"].includes(name));
  t.deepEqual(withoutServer.sort(), Object.keys(printed).sort());
});
