/** `opslog recover`. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { cli, cliJson, exampleFolder } from "../helpers/cli.mjs";
import { flip, offsetOf } from "../helpers/damage.mjs";
import { currentSnapshot, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

test("recover, puts a store together elsewhere, tells what is lost and ends with 1 if something is", async (t) => {
  const folder = await exampleFolder(t);
  const entries = await storedEntries(Store, folder, { readOnly: true });
  const target = await temporaryFolder(t);
  const sound = await cli(t, ["recover", folder, join(target, "sound")]);
  t.like(sound, { status: 0, stderr: "", stdout: `2 records in ${join(target, "sound")}\n` });
  await flip(
    await currentSnapshot(folder),
    await offsetOf(await currentSnapshot(folder), '"name":"Ada"'),
    "\0",
  );
  const verified = await cli(t, ["verify", folder]);
  t.regex(verified.stdout, /opslog recover <folder> <to>/);
  // The logs hold all operations from the first on.
  t.like(await cli(t, ["recover", folder, join(target, "new")]), { status: 0 });
  t.deepEqual(await storedEntries(Store, join(target, "new")), entries);
  await rm(join(folder, "manifest.json"));
  const { status, values } = await cliJson(t, ["recover", folder, join(target, "other")]);
  t.is(status, 1);
  t.like(values[0], { records: 2, lostCount: 1 });
  t.like(await cli(t, ["recover", folder, join(target, "other")]), { status: 2 });
  t.like(await cli(t, ["recover", folder]), { status: 2 });
});

test("recover, the manifest is no JSON or breaks a rule, says so in words", async (t) => {
  const folder = await exampleFolder(t);
  const target = await temporaryFolder(t);
  const manifest = join(folder, "manifest.json");
  await writeFile(manifest, '{"version":');
  const cut = await cli(t, ["recover", folder, join(target, "cut")]);
  t.is(cut.stdout.split("\n")[0], `${manifest}: the manifest is not valid JSON (at byte 11)`);
  await writeFile(manifest, "[]");
  const list = await cli(t, ["recover", folder, join(target, "list")]);
  t.regex(list.stdout.split("\n")[0], /manifest\.json: the manifest is damaged: [a-zA-Z ]+$/);
});
