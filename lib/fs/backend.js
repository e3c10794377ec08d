"use strict";

// The file system as a storage backend, complete on its own: what a subclass inherits, what a wrapper calls,
// and what reads and writes blobs. What the files look like is the native side's affair: here arguments are checked.

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
const { COMPACT_LOCK, LOCK, acquireNamed, releaseLock, removeLeftTemporaries } = require("../folder/lock");
const { readLocking } = require("../arguments/options");
const { checkAgentId, resolveInside } = require("../arguments/paths");
const { now } = require("../arguments/values");
const { paceMethods } = require("../writing/turns");
const { validateManifest } = require("../operations/validate");

let modules;

/**
 * What reads and writes the files. Loaded with the first FsBackend: a store in a folder needs none of it, and each module
 * takes a good part of the time in which a small store is opened.
 */
function files() {
  modules ??= {
    blobs: require("./blobs"),
    calls: require("./calls"),
    logs: require("./logs"),
    segments: require("./segments"),
    snapshots: require("./snapshots"),
  };
  return modules;
}

const MANIFEST = "manifest.json";

/** What `acquireLock()` returns: the lock file, and the folder that it stands for. */
class FsLockHandle {
  constructor(fh, dir) {
    this.fh = fh;
    this.dir = dir;
  }
}

const instances = new WeakSet();
/** Those that take the number of a process for a lock. A proxy and a derived object have no private fields. */
const byPid = new WeakSet();

const rootOf = ({ dir }) => path.resolve(dir);
const fileOf = ({ dir }, relativePath) => path.resolve(resolveInside(dir, relativePath));

/** Calls a function of the addon that reads the backend's folder. */
function reading(backend, call) {
  const root = rootOf(backend);
  return files().calls.reading(root, (addon) => call(addon, root));
}

/** Calls one that writes there. */
function writing(backend, call) {
  const root = rootOf(backend);
  return files().calls.writing(root, (addon) => call(addon, root));
}

class FsBackend {
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
    if (readLocking(opts) === "pid") byPid.add(this);
    else byPid.delete(this);
    files().calls.prepare();
    if (!opts.readOnly) await writing(this, (addon, root) => addon.foldersCreate(root));
  }

  async shutdown() {
    // No file stays open between calls.
  }

  // Manifest

  async readManifest() {
    const file = path.join(this.dir, MANIFEST);
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
    const text = JSON.stringify(manifest);
    await writing(this, (addon, root) => addon.manifestWrite(root, text));
  }

  async getManifestVersion() {
    try {
      return (await fs.promises.stat(path.join(this.dir, MANIFEST))).mtimeMs.toString();
    } catch (error) {
      if (error.code === "ENOENT") return null;
      throw ioError(error);
    }
  }

  // Snapshots

  async writeSnapshot(records, version) {
    checkRecords(records, "writeSnapshot()");
    checkVersion(version);
    return files().snapshots.writeSnapshot(rootOf(this), records, version);
  }

  async loadSnapshot(relativePath) {
    return files().snapshots.loadSnapshot(fileOf(this, relativePath));
  }

  // Log

  async appendOps(relativePath, ops) {
    checkOperations(ops);
    await files().logs.appendOps(rootOf(this), fileOf(this, relativePath), ops);
  }

  async readOps(relativePath) {
    return files().logs.readOps(rootOf(this), fileOf(this, relativePath));
  }

  async truncateLastOp(relativePath) {
    return files().logs.truncateLastOp(rootOf(this), fileOf(this, relativePath));
  }

  async createOpsFile() {
    return writing(this, (addon, root) => addon.logCreate(root, undefined, now()));
  }

  async createAgentOpsFile(agentId) {
    checkAgentId(agentId);
    return writing(this, (addon, root) => addon.logCreate(root, agentId, now()));
  }

  async listOpsFiles() {
    return reading(this, (addon, root) => addon.logList(root));
  }

  async deleteOpsFile(relativePath) {
    return files().blobs.removeCounted(this.dir, relativePath);
  }

  async deleteSnapshot(relativePath) {
    return files().blobs.removeCounted(this.dir, relativePath);
  }

  // Archive

  async writeArchiveSegment(period, records) {
    checkRecords(records, "writeArchiveSegment()");
    return files().segments.writeArchiveSegment(rootOf(this), period, records);
  }

  async loadArchiveSegment(relativePath) {
    return files().segments.loadArchiveSegment(fileOf(this, relativePath));
  }

  async listArchiveSegments() {
    return reading(this, (addon, root) => addon.segmentList(root));
  }

  // Locks

  async acquireLock() {
    const root = rootOf(this);
    const handle = new FsLockHandle(await acquireNamed(root, LOCK, byPid.has(this)), root);
    try {
      await removeLeftTemporaries(root, byPid.has(this));
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
    const root = rootOf(this);
    try {
      return new FsLockHandle(await acquireNamed(root, COMPACT_LOCK), root);
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
    await files().logs.forget(rootOf(this), relativePath);
  }

  async deleteBlobDir(prefix) {
    await files().blobs.removeFolder(this.dir, prefix);
    await files().logs.forget(rootOf(this), prefix);
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
