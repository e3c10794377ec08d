"use strict";

// Which C library this Node runs on: musl's, or glibc's.

const { Buffer } = require("../platform/builtins").buffer;
const { fs, process } = require("../platform/builtins");

/** As much of an executable as holds its headers and the name of its loader. */
const HEAD_BYTES = 4096;

/** What the name of the loader in the head of Node's own executable says; `undefined` where it says nothing. */
function isMuslByLoader() {
  let file;
  try {
    file = fs.openSync(process.execPath, "r");
    const head = Buffer.alloc(HEAD_BYTES);
    fs.readSync(file, head, 0, HEAD_BYTES, 0);
    if (head.includes("/ld-musl-")) return true;
    return head.includes("/ld-linux") ? false : undefined;
  } catch {
    return undefined; // it may be executable and yet not readable
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

/** What Node's own report says, which takes milliseconds to make. */
function isMuslByReport() {
  const { report } = process;
  if (typeof report?.getReport !== "function") return false;
  const excluded = report.excludeNetwork;
  report.excludeNetwork = true; // otherwise the report resolves host names, which can take seconds
  try {
    return report.getReport().header.glibcVersionRuntime === undefined;
  } finally {
    report.excludeNetwork = excluded;
  }
}

/** Whether this Node links against musl; found out without starting a process. */
function isMusl() {
  return isMuslByLoader() ?? isMuslByReport();
}

module.exports = { isMusl, isMuslByLoader, isMuslByReport };
