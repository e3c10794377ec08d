/** Blobs through FsBackend. */
import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import { posix, backends, manifest } from "../helpers/fs-backends.mjs";

test("blobs, written, are read, listed, read in part and deleted as by 0.8.1", async (t) => {
  const { ours, theirs } = await backends(t);
  const content = Buffer.from("0123456789");
  await ours.writeBlob("a/b/c.bin", content);
  await ours.writeBlob("./a//b/d.bin", Buffer.from("d"));
  t.deepEqual(await ours.readBlob("a/b/c.bin"), content);
  for (const backend of [ours, theirs]) {
    t.deepEqual((await backend.listBlobs("a/b/")).sort(), ["c.bin", "d.bin"]);
    t.deepEqual((await backend.listBlobs("")).sort(), ["a", "archive", "ops", "snapshots"]);
    t.deepEqual(await backend.listBlobs("nowhere"), []);
    t.deepEqual(await backend.listBlobs("a/b/c.bin"), []);
    for (const [offset, length] of [
      [0, 3],
      [8, 5],
      [10, 1],
      [99, 1],
      [4, 0],
    ]) {
      const expected = content.subarray(offset, offset + length);
      t.deepEqual(await backend.readBlobRange("a/b/c.bin", offset, length), expected);
    }
  }
  await ours.deleteBlob("a/b/c.bin");
  await ours.deleteBlob("a/b/c.bin");
  t.deepEqual(await ours.listBlobs("a/b"), ["d.bin"]);
  await ours.deleteBlobDir("a");
  await ours.deleteBlobDir("a");
  t.deepEqual(await ours.listBlobs("a"), []);
});

test("writeBlob(), over a longer blob, leaves nothing of it", async (t) => {
  const { ours } = await backends(t);
  await ours.writeBlob("x", Buffer.from("longer"));
  await ours.writeBlob("x", Buffer.from("new"));
  t.is((await ours.readBlob("x")).toString(), "new");
});

test("readBlob(), of a missing blob, rejects with Node's ENOENT", async (t) => {
  const { ours } = await backends(t);
  await t.throwsAsync(ours.readBlob("x/y"), { code: "ENOENT" });
  await t.throwsAsync(ours.readBlobRange("x/y", 0, 1), { code: "ENOENT" });
});

test("readBlobRange(), with a negative offset or length, rejects with 0.8.1's message", async (t) => {
  const { ours } = await backends(t);
  for (const [offset, length] of [
    [-1, 1],
    [0, -1],
  ]) {
    await t.throwsAsync(ours.readBlobRange("x", offset, length), {
      message: "readBlobRange: offset and length must be non-negative",
    });
  }
});

test("readBlobRange(), with a length beyond all memory, reads to the end", async (t) => {
  const { ours } = await backends(t);
  await ours.writeBlob("x", Buffer.from("abc"));
  t.is((await ours.readBlobRange("x", 1, Number.MAX_SAFE_INTEGER)).toString(), "bc");
});

const blobCalls = {
  writeBlob: (backend, name) => backend.writeBlob(name, Buffer.from("x")),
  readBlob: (backend, name) => backend.readBlob(name),
  readBlobRange: (backend, name) => backend.readBlobRange(name, 0, 1),
  listBlobs: (backend, name) => backend.listBlobs(name),
  deleteBlob: (backend, name) => backend.deleteBlob(name),
  deleteBlobDir: (backend, name) => backend.deleteBlobDir(name),
};

for (const [method, call] of Object.entries(blobCalls)) {
  test(`${method}(), with a path outside the store, or its lock or manifest, rejects`, async (t) => {
    const { folder, ours } = await backends(t);
    await ours.writeManifest(manifest);
    await fs.writeFile(path.join(folder, ".lock"), "1");
    const bad = [
      "..",
      "../x",
      "a/../../x",
      "a/..",
      "/etc",
      path.join(folder, "ops"),
      "a\0b",
      ".lock",
      "./manifest.json",
    ];
    if (method !== "listBlobs") bad.push("", ".", "./", "//");
    for (const name of bad) {
      await t.throwsAsync(
        call(ours, name),
        { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: RangeError },
        name,
      );
    }
    await t.throwsAsync(call(ours, 7), { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: TypeError });
    t.deepEqual((await fs.readdir(folder)).sort(), [".lock", "archive", "manifest.json", "ops", "snapshots"]);
  });
}

posix("writeBlob(), on a symbolic link, rejects and does not follow it", async (t) => {
  const { folder, ours } = await backends(t);
  const victim = path.join(folder, "victim");
  await fs.writeFile(victim, "mine");
  await fs.symlink(victim, path.join(folder, "blob"));
  await t.throwsAsync(ours.writeBlob("blob", Buffer.from("x")), { code: "ELOOP" });
  t.is(await fs.readFile(victim, "utf8"), "mine");
});
