"use strict";

// What callers hand to methods beside ids and values: folders, functions, times, signals. Each reader returns what the
// method goes by, or throws `OPSLOG_INVALID_ARGUMENT` with a message that names the argument.

const { path } = require("../platform/builtins");
const { fileURLToPath } = require("../platform/builtins").url;
const { opslogError, outOfRange, wrongType } = require("../errors/errors");
const { isDate, isList, isObject, isRevoked } = require("./kinds");
const { checkNames } = require("./option-names");
const { describe } = require("./paths");

/** Whether this is a URL object, also one of another realm, as in Jest. */
function isUrl(value) {
  return !isRevoked(value) && typeof value?.href === "string" && typeof value.protocol === "string";
}

function noFolder(method, given, cause) {
  const message = `${method} needs the path of a folder, got ${given}`;
  return opslogError("OPSLOG_INVALID_ARGUMENT", message, { kind: "TypeError", cause });
}

function pathOfUrl(url, method) {
  if (url.protocol !== "file:") throw noFolder(method, `${url.href}, which is no file: URL`);
  try {
    return fileURLToPath(url.href);
  } catch (cause) {
    throw noFolder(method, `${url.href}: ${cause.message}`, cause);
  }
}

/** The absolute path of a folder, given as a path or as a file: URL object to a method of this name. */
function readFolder(dir, method) {
  const folder = isUrl(dir) ? pathOfUrl(dir, method) : dir;
  if (typeof folder !== "string") throw noFolder(method, describe(dir));
  if (folder === "" || folder.includes("\0")) throw noFolder(method, JSON.stringify(folder));
  if (!isUrl(dir) && /^file:\//i.test(folder)) {
    throw noFolder(method, `a URL as text: give new URL(${JSON.stringify(folder)}) itself, or a path`);
  }
  return path.resolve(folder);
}

/** What a backend is to get for a folder: URL objects as strings, anything else as it is given. */
function readBackendFolder(dir, { isInFiles }) {
  if (!isUrl(dir)) return dir;
  return isInFiles || dir.protocol === "file:" ? pathOfUrl(dir, "open()") : dir.href;
}

/** The path of a file below a folder. */
function readRelativePath(relativePath, what) {
  if (typeof relativePath !== "string")
    throw wrongType(`${what} must be a string, got ${describe(relativePath)}`);
  if (relativePath === "" || relativePath.includes("\0")) {
    throw outOfRange(`${what} must name a file, got ${JSON.stringify(relativePath)}`);
  }
  return relativePath;
}

/** Checks the function that a method calls. */
function checkFunction(value, method) {
  if (typeof value !== "function" || isRevoked(value))
    throw wrongType(`${method} takes a function, got ${describe(value)}`);
}

/** Checks the list that getMany() takes. */
function checkIds(ids) {
  if (!isList(ids)) throw wrongType(`getMany() takes a list of ids, got ${describe(ids)}`);
}

/** A time that operations are compared with. What is falsy means all of them, as in 0.8.1. */
function readSince(since) {
  if (!since) return undefined;
  if (typeof since === "string") return since;
  const hint = isDate(since) ? ": give its toISOString()" : "";
  throw wrongType(`since must be a string such as "2026-01-31T12:00:00.000Z", got ${describe(since)}${hint}`);
}

/** The `signal` among the options of a method, if there is one. */
function readSignal(options) {
  const { signal } = options ?? {};
  if (signal === undefined || signal === null) return undefined;
  if (!isObject(signal) || typeof signal.throwIfAborted !== "function") {
    throw wrongType(`option signal must be an AbortSignal, got ${describe(signal)}`);
  }
  return signal;
}

/** The `signal` among the options of a method that has no others. */
function readSignalAlone(options, method) {
  checkNames(options, ["signal"], method);
  return readSignal(options);
}

/** An option that says how many, from 0 on; `undefined` if it is not given. */
function readCount(options, name) {
  const value = options?.[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number") throw wrongType(`option ${name} must be a number, got ${describe(value)}`);
  if (!Number.isInteger(value) || value < 0) {
    throw outOfRange(`option ${name} must be an integer from 0 on, got ${value}`);
  }
  return value;
}

/** How many are wanted at most, as the native side takes it: less than 0 for all. */
function readLimit(options) {
  return options?.limit === Infinity ? -1 : (readCount(options, "limit") ?? -1);
}

/** Refuses what a function returned that must do its work at once. */
function refusePromise(returned, method) {
  if (isRevoked(returned))
    throw wrongType(`${method} takes a function that returns a value, not ${describe(returned)}`);
  if (typeof returned?.then !== "function") return;
  Promise.resolve(returned).catch(() => {});
  throw wrongType(`${method} takes a function that does its work at once, not one that returns a promise`);
}

module.exports = {
  checkFunction,
  checkIds,
  readBackendFolder,
  readCount,
  readFolder,
  readLimit,
  readRelativePath,
  readSignal,
  readSignalAlone,
  readSince,
  refusePromise,
};
