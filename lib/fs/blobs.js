"use strict";

// Blobs: files of the caller's own, anywhere inside the store's folder. They are plain files, written in
// place and not synced, and Node's own errors are passed on: callers look at `ENOENT`.

const { checkContent, checkRange } = require("../arguments/fs");
const { Buffer } = require("../platform/builtins").buffer;
const { constants } = require("../platform/builtins").fs;
const fs = require("../platform/builtins").fsPromises;
const { path } = require("../platform/builtins");
const { NOTES, resolveBlob } = require("../arguments/paths");

// Windows has no flag against links.
const OVERWRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);

/** The permissions of the manifest, if there is one. */
async function modeOfStore(root) {
  try {
    return (await fs.stat(path.join(root, "manifest.json"))).mode & 0o777;
  } catch {
    return null;
  }
}

async function write(root, relativePath, content) {
  const file = resolveBlob(root, relativePath);
  checkContent(content);
  await fs.mkdir(path.dirname(file), { recursive: true });
  // The store's own notes are as open to others as its manifest is.
  const mode = relativePath.startsWith(NOTES) ? await modeOfStore(root) : null;
  await fs.writeFile(file, content, { flag: OVERWRITE, ...(mode !== null && { mode: 0o600 }) });
  if (mode !== null) await fs.chmod(file, mode);
}

async function read(root, relativePath) {
  return fs.readFile(resolveBlob(root, relativePath));
}

/** The bytes from `offset` on, at most `length`, fewer at the end of the file. */
async function readRange(root, relativePath, offset, length) {
  const file = resolveBlob(root, relativePath);
  checkRange(offset, length);
  if (length === 0) return Buffer.alloc(0);
  const handle = await fs.open(file, "r");
  try {
    // The file's size bounds the buffer: a caller may ask for "everything from here on".
    const { size } = await handle.stat();
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(size - offset, length)));
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

/** The names in a folder; none if there is no such folder. */
async function list(root, prefix) {
  try {
    return await fs.readdir(resolveBlob(root, prefix, { allowRoot: true }));
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  }
}

/** Deletes a file. Resolves to how many bytes it had; `null` if there is none. */
async function removeCounted(root, relativePath) {
  const file = resolveBlob(root, relativePath);
  try {
    const { size } = await fs.lstat(file);
    await fs.unlink(file);
    return size;
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

async function remove(root, relativePath) {
  try {
    await fs.unlink(resolveBlob(root, relativePath));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

async function removeFolder(root, prefix) {
  await fs.rm(resolveBlob(root, prefix), { recursive: true, force: true });
}

module.exports = { write, read, readRange, list, remove, removeCounted, removeFolder };
