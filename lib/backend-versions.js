"use strict";

// Which schema version a value behind a backend has: its operation says so, or the manifest for all of a log, or else the
// snapshot. src/format/versions.rs has the same rules for a folder.

const { messages, opslogError } = require("./errors");

/** The version of operations without a mark in a log, beside a snapshot of a version. */
function logVersion({ logVersions = {} }, path, snapshot) {
  return Object.hasOwn(logVersions, path) ? logVersions[path] : snapshot;
}

/** The version of an operation, given as an entry. */
function versionOf({ operation, path }, manifest, snapshot) {
  return operation.version ?? logVersion(manifest, path, snapshot);
}

/** The highest version that a manifest tells of. That of a new store says 1, whatever its snapshot is. */
function newestVersion({ version, logVersions = {} }) {
  return Math.max(version, ...Object.values(logVersions));
}

/** The version of what a program writes, beside a snapshot of a version. */
function writtenVersion({ version, versionGiven }, snapshot) {
  return versionGiven ? version : snapshot;
}

/**
 * A manifest whose snapshot has another version than before. Logs keep the version of their operations, but for `empty`,
 * in which nothing stands.
 */
function withVersion(manifest, { before, version, logs, empty }) {
  const kept = logs.map((path) => [path, logVersion(manifest, path, before)]);
  const other = kept.filter(([path, kept]) => kept !== version && path !== empty);
  const { logVersions: _before, ...rest } = manifest;
  return { ...rest, version, ...(other.length > 0 && { logVersions: Object.fromEntries(other) }) };
}

/** Refuses a program that gave a lower version than was found. */
function refuseNewer(found, { version, versionGiven, readOnly }) {
  if (versionGiven && !readOnly && version < found) {
    throw opslogError("OPSLOG_NEWER_VERSION", messages.newerVersion(found, version));
  }
}

module.exports = { logVersion, newestVersion, refuseNewer, versionOf, withVersion, writtenVersion };
