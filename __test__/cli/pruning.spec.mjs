/** `opslog prune`, and the bytes that `opslog stats` tells. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { cli, cliJson, exampleFolder } from "../helpers/cli.mjs";
import { contents, storedEntries } from "../helpers/store-folder.mjs";

async function bytesOf(folder) {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath ?? entry.path, entry.name))).size;
  }
  return bytes;
}

test("stats, tells every byte of the folder, by what it is for", async (t) => {
  const folder = await exampleFolder(t);
  const { values } = await cliJson(t, ["stats", folder]);
  const kinds = Object.values(values[0].usage);
  t.is(
    kinds.reduce((sum, { bytes }) => sum + bytes, 0),
    await bytesOf(folder),
  );
  const { stdout } = await cli(t, ["stats", folder]);
  t.regex(stdout, /^sealed logs +[\d.]+ B in 1 file$/m);
  t.regex(stdout, /^folder +[\d.]+ k?B in all$/m);
});

test("prune, deletes old logs and snapshots and tells how much, with --dry-run it only tells", async (t) => {
  const folder = await exampleFolder(t);
  const entries = await storedEntries(Store, folder, { readOnly: true });
  const before = await contents(folder);
  const would = await cliJson(t, ["prune", folder, "--dry-run"]);
  t.like(would, { status: 0, stderr: "" });
  t.deepEqual((await readdir(join(folder, "ops"))).length, 2);
  t.deepEqual(Object.keys(await contents(folder)).sort(), Object.keys(before).sort());
  const kept = await cli(t, ["prune", folder, "--before", "2020-01-01"]);
  t.regex(kept.stdout, /^0 files, 0 B deleted; the folder has [\d.]+ k?B\n$/);
  t.like(await cli(t, ["prune", folder, "--keep-bytes", "1000000"]), { status: 0 });
  t.is((await readdir(join(folder, "ops"))).length, 2);
  const { values } = await cliJson(t, ["prune", folder]);
  t.is(values[0].bytes, would.values[0].bytes);
  t.is((await readdir(join(folder, "ops"))).length, 1);
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), entries);
});

test("prune, its limits make no sense or there is no store, says so", async (t) => {
  const folder = await exampleFolder(t);
  t.like(await cli(t, ["prune", folder, "--before", "yesterday"]), { status: 2 });
  t.like(await cli(t, ["prune", folder, "--keep-bytes", "-1"]), { status: 2 });
  t.like(await cli(t, ["prune", join(folder, "none")]), { status: 1 });
  t.is((await readdir(join(folder, "ops"))).length, 2);
});

test("commands that look back to a time whose operations were pruned, say so, and which command lists the others", async (t) => {
  const folder = await exampleFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("pruned", { n: 1 });
  await store.compact();
  await store.set("kept", { n: 1 });
  await store.prune();
  await store.close();
  for (const args of [
    ["at", folder, "2020-01-01"],
    ["diff", folder, "kept", "2020-01-01"],
    ["revert", folder, "2020-01-01"],
    ["log", folder, "--since", "2020-01-01"],
  ]) {
    const { status, stdout, stderr } = await cli(t, args);
    t.deepEqual({ status, stdout }, { status: 1, stdout: "" }, args[0]);
    t.is(
      stderr,
      'opslog: The history does not reach back to this place: its operations were pruned or undone. "opslog log" lists those that are kept.\n',
    );
  }
});
