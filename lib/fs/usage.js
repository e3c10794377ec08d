"use strict";

// How many bytes a folder has, and for what. Files that go while it is looked through do not count.

const { fs, path } = require("../platform/builtins");
const { ioError } = require("../errors/errors");

/** How often the folder is looked through until the current snapshot is among its files. */
const LOOKS = 5;
const KINDS = ["snapshot", "superseded", "log", "sealed", "archives", "indexes", "other"];
const SNAPSHOT = /^snapshots\/snap-\d+\.jsonl?$/;
const LOG = /^ops\/(?:ops-\d+|agent-.+-\d+)\.jsonl$/;
const ARCHIVE = /^archive\/archive-.+\.json$/;
const INDEX = /^index\/(?:snap-|ops-|agent-).*\.jsonl?\.[^/]*$/;
const TEMPORARY = /\.\d+-\d+\.tmp$/;

function emptyUsage() {
  return Object.fromEntries(KINDS.map((kind) => [kind, { files: 0, bytes: 0 }]));
}

/** What a file is for, by its path in the folder, with slashes. */
function kindOf(name, { currentSnapshot, activeOps, activeAgentOps = {} }) {
  if (name === currentSnapshot) return "snapshot";
  if (name === activeOps || Object.values(activeAgentOps).includes(name)) return "log";
  if (TEMPORARY.test(name)) return "other";
  if (SNAPSHOT.test(name)) return "superseded";
  if (LOG.test(name)) return "sealed";
  if (ARCHIVE.test(name)) return "archives";
  return INDEX.test(name) && !name.endsWith(".unsynced") ? "indexes" : "other";
}

const isGone = (error) => error.code === "ENOENT" || error.code === "ENOTDIR";

/** The files below a folder, with their sizes. Symbolic links are not followed. */
async function* filesBelow(folder, prefix = "") {
  let entries;
  try {
    entries = await fs.promises.readdir(path.join(folder, prefix), { withFileTypes: true });
  } catch (error) {
    if (isGone(error)) return;
    throw ioError(error);
  }
  for (const entry of entries) {
    const name = prefix + entry.name;
    if (entry.isDirectory()) yield* filesBelow(folder, `${name}/`);
    else if (entry.isFile()) {
      try {
        yield { name, bytes: (await fs.promises.lstat(path.join(folder, name))).size };
      } catch (error) {
        if (!isGone(error)) throw ioError(error);
      }
    }
  }
}

async function readManifest(folder) {
  try {
    return JSON.parse(await fs.promises.readFile(path.join(folder, "manifest.json"), "utf8"));
  } catch (error) {
    if (isGone(error) || error instanceof SyntaxError) return {};
    throw ioError(error);
  }
}

/** The bytes of a folder. */
async function folderUsage(folder) {
  let files;
  let manifest;
  // A checkpoint may put another snapshot in the place of the current one meanwhile.
  for (let look = 0; look < LOOKS; look++) {
    files = [];
    for await (const file of filesBelow(folder)) files.push(file);
    manifest = await readManifest(folder);
    if (files.some(({ name }) => name === manifest.currentSnapshot)) break;
  }
  return sumOf(files, (name) => kindOf(name, manifest));
}

function sumOf(files, kind) {
  const usage = emptyUsage();
  for (const { name, bytes } of files) {
    const sum = usage[kind(name)];
    sum.files++;
    sum.bytes += bytes;
  }
  return usage;
}

/** The bytes of the files of a backend, of which a log may be several. */
function usageOf(files, { currentSnapshot, activeOps, activeAgentOps = {} }) {
  const named = new Set([activeOps, ...Object.values(activeAgentOps)]);
  const folders = {
    snapshots: "superseded",
    ops: "sealed",
    rollups: "sealed",
    archive: "archives",
    index: "indexes",
  };
  return sumOf(files, (name) => {
    if (name === currentSnapshot) return "snapshot";
    const end = name.lastIndexOf("/");
    if (named.has(name) || named.has(name.slice(0, end))) return "log";
    return folders[name.slice(0, Math.max(name.indexOf("/"), 0))] ?? "other";
  });
}

module.exports = { emptyUsage, folderUsage, usageOf };
