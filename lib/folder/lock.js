"use strict";

// The lock files of a folder. The native side takes the kernel lock; here a lock file gets the face of the FileHandle that
// 0.8.1 returned.

const { readFolder } = require("../arguments/checks");
const { fs, path } = require("../platform/builtins");
const { promisify } = require("../platform/builtins").util;
const { fromNative, opslogError, wrongType } = require("../errors/errors");
const native = require("../native");
const { isObject, isRevoked } = require("../arguments/kinds");
const { checkNames } = require("../arguments/option-names");
const { readLocking } = require("../arguments/options");
const { ensurePermitted } = require("../native/permission");
const { describe } = require("../arguments/paths");
const { paced, paceMethods } = require("../writing/turns");

const LOCK = ".lock";
const COMPACT_LOCK = ".compact-lock";

const fstat = promisify(fs.fstat);

/** A held lock file, with those members of a FileHandle that make sense for one. */
class LockFile {
  #lock;
  #path;
  #open = true;

  constructor(lock, filePath) {
    this.#lock = lock;
    this.#path = filePath;
  }

  /** The descriptor, or -1 once the file is closed. */
  get fd() {
    return this.#open ? this.#lock.fd : -1;
  }

  async stat(options) {
    this.#ensureOpen("fstat");
    const { fd } = this.#lock; // -1 on systems that have no descriptors
    return fd < 0 ? fs.promises.stat(this.#path, options) : fstat(fd, options);
  }

  async readFile(options) {
    this.#ensureOpen("read");
    return fs.promises.readFile(this.#path, options);
  }

  /** Gives up the lock and leaves the file where it is. */
  async close() {
    await this.#end("close");
  }

  /** Gives up the lock and removes the file. */
  async release() {
    await this.#end("release");
  }

  async [Symbol.asyncDispose]() {
    await this.release();
  }

  async #end(how) {
    if (!this.#open) return;
    this.#open = false;
    try {
      await this.#lock[how]();
    } catch (error) {
      throw fromNative(error);
    }
  }

  #ensureOpen(syscall) {
    if (this.#open) return;
    throw opslogError("EBADF", `EBADF: bad file descriptor, ${syscall}`, { syscall });
  }
}

paceMethods(LockFile);

/** Takes the lock file of that name in the folder; rejects with `OPSLOG_LOCKED` if another process holds it. */
async function acquireNamed(root, name, byPid = false) {
  ensurePermitted(root, { write: true });
  try {
    return new LockFile(await native.load().lockAcquire(root, name, byPid), path.join(root, name));
  } catch (error) {
    throw fromNative(error);
  }
}

/** Takes the write lock of a folder. What it returns must be given to `releaseLock`. */
function acquireLock(dir, options) {
  return paced(acquireIn(dir, options));
}

async function acquireIn(dir, options) {
  const folder = readFolder(dir, "acquireLock()");
  checkNames(options, ["locking"], "acquireLock()");
  return acquireNamed(folder, LOCK, readLocking(options ?? {}) === "pid");
}

/** Gives the write lock of a folder back. A handle of another origin is closed, and the lock file removed. */
function releaseLock(dir, handle) {
  return paced(releaseIn(dir, handle));
}

async function releaseIn(dir, handle) {
  if (isObject(handle) && handle instanceof LockFile) return handle.release();
  const folder = readFolder(dir, "releaseLock()");
  if (isRevoked(handle) || typeof handle?.close !== "function") {
    throw wrongType(`releaseLock() takes what acquireLock() returned, got ${describe(handle)}`);
  }
  await handle.close();
  await fs.promises.unlink(path.join(folder, LOCK)).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
}

/** Removes the temporary files in a store's folders that no process holds. */
async function removeLeftTemporaries(root, byPid) {
  await native.load().temporaryRemoveLeft(root, byPid);
}

module.exports = { COMPACT_LOCK, LOCK, acquireLock, releaseLock, acquireNamed, removeLeftTemporaries };
