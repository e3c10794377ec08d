"use strict";

// Files that must be whole or absent after a crash: written beside their final name, synced, given the
// final name, and the folder synced. No symbolic link is followed for a file that is created here.

const { constants, fsync } = require("../platform/builtins").fs;
const fs = require("../platform/builtins").fsPromises;
const { path, process, util } = require("../platform/builtins");
const { ioError } = require("../errors/errors");
const { holdTemporary } = require("../folder/lock");
const { MANIFEST, nextNumber, temporaryName } = require("./names");

const NO_FOLLOW = constants.O_NOFOLLOW ?? 0; // Windows has no such flag
const CREATE_NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW;

// What file systems answer that cannot sync, or cannot give a file a second name. EIO is never among it.
const CANNOT_SYNC = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "ENOTTY"]);
const CANNOT_SYNC_FOLDERS = new Set([...CANNOT_SYNC, "EBADF", "EISDIR"]);
const CANNOT_LINK = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Runs `work`, turning what `node:fs` throws into `OPSLOG_IO`. */
async function translated(work) {
  try {
    return await work();
  } catch (error) {
    throw ioError(error);
  }
}

/** Syncs an open file. By its number: the handles of Yarn's Plug'n'Play have no `sync()`. */
const sync = (handle) => util.promisify(fsync)(handle.fd);

/** Makes the names in a folder durable, where the system can. */
async function syncFolder(folder) {
  if (process.platform === "win32") return;
  const handle = await fs.open(folder, "r");
  try {
    await sync(handle);
  } catch (error) {
    if (!CANNOT_SYNC_FOLDERS.has(error.code)) throw error;
  } finally {
    await handle.close();
  }
}

/** Makes the content of a file durable, where the file system can: behind a backend no write is promised to be. */
async function syncFile(handle) {
  try {
    await sync(handle);
  } catch (error) {
    if (!CANNOT_SYNC.has(error.code)) throw error;
  }
}

/** Fills a file that has just been created, syncs and closes it; removes it on failure. */
async function fill(handle, filePath, write) {
  try {
    try {
      await write?.(handle);
      await syncFile(handle);
    } finally {
      await handle.close();
    }
  } catch (error) {
    await fs.unlink(filePath).catch(() => {}); // the first failure is the one to report
    throw error;
  }
}

/** Gives a file that was just created the permissions of the one that it replaces, or of the manifest, where there is one. */
async function takePermissions(handle, finalPath) {
  const folder = path.dirname(finalPath);
  const models = [finalPath, path.join(folder, MANIFEST), path.join(folder, "..", MANIFEST)];
  for (const model of models) {
    const found = await fs.lstat(model).catch(() => null);
    if (!found?.isFile()) continue;
    // Best effort: some file systems have one mode for all files.
    await handle.chmod((found.mode & 0o777) | 0o600).catch(() => {});
    return;
  }
}

/** Creates a temporary file for `finalPath`. Returns its path, a handle, and what holds it until it has its name. */
async function createTemporary(finalPath) {
  for (;;) {
    const temporary = temporaryName(finalPath);
    let handle;
    try {
      handle = await fs.open(temporary, CREATE_NEW, 0o666);
      await takePermissions(handle, finalPath);
    } catch (error) {
      // A worker thread of this process counts on its own, and a dead process may have had our pid.
      if (error.code === "EEXIST") continue;
      throw error;
    }
    let hold;
    try {
      hold = await holdTemporary(temporary);
    } catch (error) {
      await handle.close();
      await fs.unlink(temporary).catch(() => {});
      throw error;
    }
    // Taken for left over before it was held: once more.
    if (hold !== null) return { temporary, handle, hold };
    await handle.close();
  }
}

/** Fills a temporary file for `finalPath`, and has `name` give it its name. Returns what that returns. */
async function throughTemporary(finalPath, write, name) {
  const { temporary, handle, hold } = await createTemporary(finalPath);
  try {
    await fill(handle, temporary, write);
    return await name(temporary);
  } catch (error) {
    await fs.unlink(temporary).catch(() => {});
    throw error;
  } finally {
    hold.release();
  }
}

/** Replaces a file by what `write` puts into the handle that it is given: all of it or nothing. */
async function replaceFile(finalPath, write) {
  await throughTemporary(finalPath, write, (temporary) => fs.rename(temporary, finalPath));
  await syncFolder(path.dirname(finalPath));
}

/** Gives a temporary file its final name, which must be free. Returns whether it was. */
async function claimName(temporary, finalPath) {
  try {
    await fs.link(temporary, finalPath);
  } catch (error) {
    if (error.code === "EEXIST") return false;
    if (!CANNOT_LINK.has(error.code)) throw error;
    // NOTE: without a second name the check and the rename are two steps; only such systems come here.
    const taken = await fs.lstat(finalPath).then(
      () => true,
      () => false,
    );
    if (taken) return false;
    await fs.rename(temporary, finalPath);
    return true;
  }
  await fs.unlink(temporary);
  return true;
}

/** Creates a numbered file in `folder` with what `write` puts into it. Returns its name. */
async function createNumbered(folder, nameOf, write) {
  const number = nextNumber(await fs.readdir(folder));
  return throughTemporary(path.join(folder, nameOf(number)), write, async (temporary) => {
    for (let candidate = number; ; candidate += 1) {
      const name = nameOf(candidate);
      if (await claimName(temporary, path.join(folder, name))) {
        await syncFolder(folder);
        return name;
      }
    }
  });
}

/** Creates an empty numbered file in `folder`. Returns its name. */
async function createEmptyNumbered(folder, nameOf) {
  for (let number = nextNumber(await fs.readdir(folder)); ; number += 1) {
    const name = nameOf(number);
    try {
      const filePath = path.join(folder, name);
      await fill(await fs.open(filePath, CREATE_NEW, 0o666), filePath, (handle) =>
        takePermissions(handle, path.join(folder, MANIFEST)),
      );
    } catch (error) {
      if (error.code === "EEXIST") continue;
      throw error;
    }
    await syncFolder(folder);
    return name;
  }
}

module.exports = {
  NO_FOLLOW,
  syncFile,
  translated,
  replaceFile,
  createNumbered,
  createEmptyNumbered,
};
