"use strict";

// Which driver a store gets: that of a folder, that of a backend, or memory.

const { readBackendFolder } = require("./arguments/checks");
const { ioError, messages, opslogError } = require("./errors/errors");
const { FileDriver } = require("./folder/driver");
const { FsBackend, isPlainFsBackend } = require("./fs/backend");

/** The folder that stands for memory. */
const MEMORY = ":memory:";

/**
 * Opens the driver of a store, the owner. Returns how it is opened, and what throws in a call of the store's own backend, which
 * would wait for the store, as the store waits for it.
 */
function chooseDriver(dir, options, { owner, onDue }) {
  const { backend } = options;
  if (backend !== undefined && !isPlainFsBackend(backend)) {
    refuseWithBackend(options);
    const folder = readBackendFolder(dir, { isInFiles: backend instanceof FsBackend });
    const { BackendDriver, refuseOwnBackend } = loadBackendDriver();
    return {
      refuseOwnBackend: () => refuseOwnBackend(owner),
      open: () => BackendDriver.open(folder, options, { backend, owner, onDue }),
    };
  }
  if (dir === MEMORY && backend === undefined) {
    const { openInMemory } = loadBackendDriver();
    return { refuseOwnBackend: null, open: () => openInMemory(dir, options, { owner, onDue }) };
  }
  return { refuseOwnBackend: null, open: () => FileDriver.open(dir, options, backend) };
}

function refuseWithBackend({ durability, recovery }) {
  if (durability !== "process") {
    throw opslogError("OPSLOG_INVALID_ARGUMENT", messages.durabilityOfBackend(durability));
  }
  if (recovery !== "skip") {
    throw opslogError("OPSLOG_INVALID_ARGUMENT", messages.recoveryOfBackend(recovery));
  }
}

/** Loaded when a store is opened: most programs have no backend, and its modules take longer to load than a store to open. */
function loadBackendDriver() {
  try {
    return require("./backend/driver");
  } catch (error) {
    throw ioError(error);
  }
}

module.exports = { chooseDriver };
