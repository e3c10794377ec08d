"use strict";

// The options of a store in a folder as the native side has them.

const { now } = require("../arguments/values");

/** The options that the native side knows. */
function nativeOptions(options) {
  return {
    readOnly: options.readOnly,
    skipLoad: options.skipLoad,
    version: options.version,
    versionGiven: options.versionGiven,
    checkpointThreshold: options.checkpointThreshold,
    amortised: !options.checkpointThresholdGiven,
    buffered: options.writeMode !== "immediate",
    strict: options.recovery === "strict",
    syncWithin: syncWithin(options),
    byPid: options.locking === "pid",
    agent: options.agentId,
    keepUndo: options.readOnly ? 0 : options.keepUndo,
    now: now(),
  };
}

/** Milliseconds until what is written must be synced: 0 if its writer waits for that, -1 if it need not be. */
function syncWithin({ durability, readOnly, syncIntervalMs }) {
  if (readOnly || durability === "process") return -1;
  return durability === "always" ? 0 : syncIntervalMs;
}

/** What `initialize()` of a backend is told. */
function backendOptions({ readOnly, locking }) {
  return locking === "pid" ? { readOnly, locking } : { readOnly };
}

module.exports = { backendOptions, nativeOptions, syncWithin };
