"use strict";

// The file system as a storage backend, complete on its own: what a subclass inherits, what a wrapper calls,
// and what reads and writes blobs. A store with an unmodified FsBackend does the rest natively.

const { readFolder } = require("../arguments/checks");
const {
  checkHandle,
  checkManifest,
  checkOperations,
  checkOptions,
  checkRecords,
  checkVersion,
} = require("../arguments/fs");
const { fs, path } = require("../platform/builtins");
const { ioError, manifestError, messages, opslogError, wrongType } = require("../errors/errors");
const names = require("./names");
const { acquireNamed, releaseLock, removeLeftTemporaries } = require("../folder/lock");
const { readLocking } = require("../arguments/options");
const { checkAgentId, resolveInside } = require("../arguments/paths");
const { paceMethods } = require("../writing/turns");
const { validateManifest } = require("../operations/validate");

let modules;

/**
 * What reads and writes the files. Loaded with the first FsBackend: a store in a folder needs none of it, and each module
 * takes a good part of the time in which a small store is opened.
 */
function files() {
  modules ??= {
    archive: require("./archive"),
    blobs: require("./blobs"),
    durable: require("./durable"),
    snapshot: require("./snapshot"),
    wal: require("./wal"),
  };
  return modules;
}

const FOLDERS = [names.SNAPSHOTS, names.OPS, names.ARCHIVE];

/** What `acquireLock()` returns: the lock file, and the folder that it stands for. */
class FsLockHandle {
  constructor(fh, dir) {
    this.fh = fh;
    this.dir = dir;
  }
}

/** Runs `work`, turning what `node:fs` throws into `OPSLOG_IO`. */
const translated = (work) => files().durable.translated(work);

const instances = new WeakSet();

class FsBackend {
  #byPid = false;

  constructor(...given) {
    // NOTE: a subclass may pass on what is its own.
    if (given.length > 0 && new.target === FsBackend) {
      throw wrongType(
        "new FsBackend() takes no arguments: the folder is given to initialize(), or to open()",
      );
    }
    this.dir = "";
    instances.add(this);
    try {
      files();
    } catch {
      // The first method that needs them says what is wrong.
    }
  }

  async initialize(dir, opts) {
    checkOptions(opts, "initialize()");
    // Absolute from here on: a later chdir() must not move the store.
    this.dir = readFolder(dir, "initialize()");
    this.#byPid = readLocking(opts ?? {}) === "pid";
    if (opts.readOnly) return;
    const folders = FOLDERS.map((folder) => path.join(this.dir, folder));
    await translated(() =>
      Promise.all(folders.map((folder) => fs.promises.mkdir(folder, { recursive: true }))),
    );
  }

  async shutdown() {
    // No file stays open between calls.
  }

  // Manifest

  async readManifest() {
    const file = path.join(this.dir, names.MANIFEST);
    let content;
    try {
      content = await fs.promises.readFile(file, "utf8");
    } catch (error) {
      if (error.code === "ENOENT") return null;
      throw ioError(error);
    }
    try {
      return validateManifest(JSON.parse(content));
    } catch (error) {
      throw manifestError(error, file, content);
    }
  }

  async writeManifest(manifest) {
    checkManifest(manifest);
    const text = JSON.stringify(manifest, null, 2);
    const file = path.resolve(this.dir, names.MANIFEST);
    await translated(() => files().durable.replaceFile(file, (handle) => handle.appendFile(text)));
  }

  async getManifestVersion() {
    try {
      return (await fs.promises.stat(path.join(this.dir, names.MANIFEST))).mtimeMs.toString();
    } catch (error) {
      if (error.code === "ENOENT") return null;
      throw ioError(error);
    }
  }

  // Snapshots

  async writeSnapshot(records, version) {
    checkRecords(records, "writeSnapshot()");
    checkVersion(version);
    return files().snapshot.writeSnapshot(this.dir, records, version);
  }

  async loadSnapshot(relativePath) {
    return files().snapshot.loadSnapshot(resolveInside(this.dir, relativePath));
  }

  // Log

  async appendOps(relativePath, ops) {
    checkOperations(ops);
    await files().wal.appendOps(resolveInside(this.dir, relativePath), ops);
  }

  async readOps(relativePath) {
    return files().wal.readOps(resolveInside(this.dir, relativePath));
  }

  async truncateLastOp(relativePath) {
    return files().wal.truncateLastOp(resolveInside(this.dir, relativePath));
  }

  async createOpsFile() {
    const folder = path.join(this.dir, names.OPS);
    return `${names.OPS}/${await translated(() => files().durable.createEmptyNumbered(folder, names.opsName))}`;
  }

  async createAgentOpsFile(agentId) {
    checkAgentId(agentId);
    const folder = path.join(this.dir, names.OPS);
    const nameOf = (ms) => names.agentOpsName(agentId, ms);
    return `${names.OPS}/${await translated(() => files().durable.createEmptyNumbered(folder, nameOf))}`;
  }

  async listOpsFiles() {
    let files;
    try {
      files = await fs.promises.readdir(path.join(this.dir, names.OPS));
    } catch (error) {
      if (error.code === "ENOENT") return [];
      throw ioError(error);
    }
    return files.filter((name) => name.endsWith(".jsonl")).map((name) => `${names.OPS}/${name}`);
  }

  // Archive

  async writeArchiveSegment(period, records) {
    checkRecords(records, "writeArchiveSegment()");
    return files().archive.writeArchiveSegment(this.dir, period, records);
  }

  async loadArchiveSegment(relativePath) {
    return files().archive.loadArchiveSegment(resolveInside(this.dir, relativePath));
  }

  async listArchiveSegments() {
    return files().archive.listArchiveSegments(this.dir);
  }

  // Locks

  async acquireLock() {
    const root = path.resolve(this.dir);
    const handle = new FsLockHandle(await acquireNamed(root, names.LOCK, this.#byPid), root);
    try {
      await removeLeftTemporaries(root, this.#byPid);
    } catch (error) {
      await releaseLock(root, handle.fh);
      throw error;
    }
    return handle;
  }

  async releaseLock(handle) {
    checkHandle(handle, "releaseLock()");
    await releaseLock(handle.dir, handle.fh);
  }

  async acquireCompactionLock() {
    const root = path.resolve(this.dir);
    try {
      return new FsLockHandle(await acquireNamed(root, names.COMPACT_LOCK), root);
    } catch (error) {
      if (error.code !== "OPSLOG_LOCKED") throw error;
      throw opslogError("OPSLOG_LOCKED", messages.compactionLocked(), { cause: error, path: error.path });
    }
  }

  async releaseCompactionLock(handle) {
    checkHandle(handle, "releaseCompactionLock()");
    await handle.fh.release();
  }

  // Blobs

  async writeBlob(relativePath, content) {
    await files().blobs.write(this.dir, relativePath, content);
  }

  async readBlob(relativePath) {
    return files().blobs.read(this.dir, relativePath);
  }

  async readBlobRange(relativePath, offset, length) {
    return files().blobs.readRange(this.dir, relativePath, offset, length);
  }

  async listBlobs(prefix) {
    return files().blobs.list(this.dir, prefix);
  }

  async deleteBlob(relativePath) {
    await files().blobs.remove(this.dir, relativePath);
  }

  async deleteBlobDir(prefix) {
    await files().blobs.removeFolder(this.dir, prefix);
  }
}

paceMethods(FsBackend);

const originals = Object.getOwnPropertyDescriptors(FsBackend.prototype);

function isOriginal(name) {
  const descriptor = Object.getOwnPropertyDescriptor(FsBackend.prototype, name);
  return (
    descriptor !== undefined && descriptor.value === originals[name].value && descriptor.get === undefined
  );
}

/**
 * Whether a backend is an FsBackend as it is delivered: no subclass, no wrapper or proxy, no method replaced
 * on the object or on the class. Only for such a backend may a store go to the files itself.
 */
function isPlainFsBackend(backend) {
  return (
    instances.has(backend) &&
    Object.getPrototypeOf(backend) === FsBackend.prototype &&
    Object.keys(originals).every((name) => isOriginal(name) && !Object.hasOwn(backend, name))
  );
}

module.exports = { FsBackend, isPlainFsBackend };
