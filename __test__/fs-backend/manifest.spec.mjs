/** The manifest through FsBackend: documents, and the paths that they name. */
import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import { backends, set, noTemporaries, manifest } from "../helpers/fs-backends.mjs";

test("readManifest(), without a manifest, returns null", async (t) => {
  const { ours } = await backends(t);
  t.is(await ours.readManifest(), null);
  t.is(await ours.getManifestVersion(), null);
});

test("writeManifest(), then readManifest() of either package, gives it back", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  await ours.writeManifest({ ...manifest, ours: 1 });
  t.deepEqual(await ours.readManifest(), { ...manifest, ours: 1 });
  t.deepEqual(await theirs.readManifest(), { ...manifest, ours: 1 });
  t.is(await ours.getManifestVersion(), await theirs.getManifestVersion());
  t.is(
    await fs.readFile(path.join(folder, "manifest.json"), "utf8"),
    JSON.stringify({ ...manifest, ours: 1 }, null, 2),
  );
  await noTemporaries(t, folder);
});

test("readManifest(), of a manifest that cannot be read, rejects with OPSLOG_IO", async (t) => {
  const { folder, ours } = await backends(t);
  await fs.mkdir(path.join(folder, "manifest.json"));
  const error = await t.throwsAsync(ours.readManifest(), { code: "OPSLOG_IO" });
  t.is(error.cause.code, "EISDIR");
  t.is(error.errno, error.cause.errno);
});

test("readManifest(), of a damaged manifest, rejects as 0.8.1 does, with OPSLOG_CORRUPT and the path", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const file = path.join(folder, "manifest.json");
  for (const text of ["", "{", "[]", JSON.stringify({ ...manifest, version: 0 })]) {
    await fs.writeFile(file, text);
    const error = await t.throwsAsync(ours.readManifest(), { code: "OPSLOG_CORRUPT" });
    const expected = await t.throwsAsync(theirs.readManifest());
    // Of an empty one that says too little.
    t.true(error.message.startsWith(expected.message));
    t.is(error.message === expected.message, text !== "");
    t.is(error.name, expected.name);
    t.is(error.path, file);
  }
});

test("writeManifest(), of any document, writes the bytes of 0.8.1", async (t) => {
  const { folder, ours, theirs } = await backends(t);
  const read = () => fs.readFile(path.join(folder, "manifest.json"), "utf8");
  for (const more of [
    { a: [], b: {}, c: [[], {}] },
    { text: "a\nb\u2028\ud800", n: 1e21 },
    { gone: undefined },
  ]) {
    await ours.writeManifest({ ...manifest, ...more });
    const written = await read();
    await theirs.writeManifest({ ...manifest, ...more });
    t.is(written, await read());
  }
});

test("paths, as a manifest may name them, that leave the folder, are refused", async (t) => {
  const { ours } = await backends(t);
  for (const name of ["../x", "/etc/passwd", "ops/../../x", ""]) {
    const expectation = { code: "OPSLOG_INVALID_ARGUMENT" };
    await t.throwsAsync(ours.loadSnapshot(name), expectation);
    await t.throwsAsync(ours.readOps(name), expectation);
    await t.throwsAsync(ours.appendOps(name, [set("a", 1)]), expectation);
    await t.throwsAsync(ours.truncateLastOp(name), expectation);
    await t.throwsAsync(ours.loadArchiveSegment(name), expectation);
  }
});
