"use strict";

// Which names and paths are taken from callers. Whatever passes here can be joined to a store's folder
// without leaving it, and never names the store's own lock or manifest.

const { Buffer } = require("../platform/builtins").buffer;
const { path, process } = require("../platform/builtins");
const { outOfRange, wrongType } = require("../errors/errors");
const { isRevoked } = require("./kinds");

const NAME_LIMIT_BYTES = 150;
const RESERVED = new Set([".lock", ".compact-lock", "manifest.json"]);
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const WINDOWS_RESERVED = /[<>:"|?*]/;

/** Checks a name that becomes part of a file name: an agentId, an archive segment. Returns it. */
function checkName(value, what) {
  if (typeof value !== "string") throw wrongType(`${what} must be a string, got ${describe(value)}`);
  const refuse = (why) => {
    throw outOfRange(`${what} ${why}, got ${JSON.stringify(value)}`);
  };
  if (value === "") refuse("must not be empty");
  if (/[/\\]/.test(value)) refuse("must not contain a slash or a backslash");
  if (CONTROL.test(value)) refuse("must not contain control characters");
  if (value.startsWith(".")) refuse("must not start with a dot");
  if (!value.isWellFormed()) refuse("must be well-formed Unicode");
  if (Buffer.byteLength(value) > NAME_LIMIT_BYTES)
    refuse(`must be at most ${NAME_LIMIT_BYTES} bytes as UTF-8`);
  if (process.platform === "win32" && WINDOWS_RESERVED.test(value)) refuse('must not contain any of <>:"|?*');
  return value;
}

function checkAgentId(agentId) {
  return checkName(agentId, "agentId");
}

function checkPeriod(period) {
  return checkName(period, "archive segment");
}

/** A part of a path as the system compares it. */
function fold(part) {
  if (process.platform === "win32") return part.toLowerCase().replace(/[. ]+$/, "");
  return process.platform === "darwin" ? part.toLowerCase() : part;
}

/** The parts of a relative path that stays inside its folder: no `..`, nothing absolute, no NUL. */
function insideParts(relativePath, what) {
  if (typeof relativePath !== "string") {
    throw wrongType(`${what} must be a string, got ${describe(relativePath)}`);
  }
  const refuse = (why) => {
    throw outOfRange(`${what} ${why}, got ${JSON.stringify(relativePath)}`);
  };
  if (relativePath.includes("\0")) refuse("must not contain a NUL character");
  const windows = process.platform === "win32";
  const parts = relativePath.split(windows ? /[/\\]/ : "/");
  if (parts.includes("..") || (windows && parts.some((part) => /^\.\.[. ]*$/.test(part)))) {
    refuse("must not contain '..'");
  }
  if (path.isAbsolute(relativePath) || (windows && relativePath.includes(":"))) {
    refuse("must be relative to the store's folder");
  }
  return parts.filter((part) => part !== "" && part !== ".");
}

/** Resolves the path of a file of the store, as a manifest names it. */
function resolveInside(root, relativePath) {
  const parts = insideParts(relativePath, "path");
  if (parts.length === 0) throw outOfRange(`path must name a file, got ${JSON.stringify(relativePath)}`);
  return path.join(root, ...parts);
}

/**
 * Resolves the path of a blob. With `allowRoot` the store's folder itself may be meant (to list it); the lock
 * and the manifest never are.
 */
function resolveBlob(root, relativePath, { allowRoot = false } = {}) {
  const parts = insideParts(relativePath, "blob path");
  if (parts.length === 0 && !allowRoot) {
    throw outOfRange(`blob path must not be the store's folder itself, got ${JSON.stringify(relativePath)}`);
  }
  if (parts.length === 1 && RESERVED.has(fold(parts[0]))) {
    throw outOfRange(
      `blob path must not name the store's lock or manifest, got ${JSON.stringify(relativePath)}`,
    );
  }
  return path.join(root, ...parts);
}

/** A value's type for an error message: `null`, `array`, the name of its class, or what `typeof` says. */
function describe(value) {
  if (value === null) return "null";
  if (isRevoked(value)) return "revoked Proxy";
  return typeof value === "object" ? classOf(value) : typeof value;
}

function classOf(value) {
  try {
    // NOTE: a Proxy may throw.
    if (Array.isArray(value)) return "array";
    const { name } = value.constructor;
    return typeof name === "string" && /^[A-Z]\w{0,40}$/.test(name) && name !== "Object" ? name : "object";
  } catch {
    return "object";
  }
}

/** Where the blobs lie in which a store keeps its history behind a backend. */
const NOTES = "history/";

module.exports = { NOTES, checkAgentId, checkPeriod, resolveInside, resolveBlob, describe };
