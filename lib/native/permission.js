"use strict";

// What Node's permission model allows: an addon's system calls do not ask it, so the store asks before it makes any.

const { process } = require("../platform/builtins");
const { opslogError } = require("../errors/errors");

const WANTED = {
  "fs.read": ["FileSystemRead", "--allow-fs-read"],
  "fs.write": ["FileSystemWrite", "--allow-fs-write"],
};

/**
 * Throws `OPSLOG_IO`, with Node's own error as the cause, unless the folder may be read, and with `write` also written.
 * Where Node runs without a permission model everything is allowed.
 */
function ensurePermitted(folder, { write }) {
  const { permission } = process;
  if (permission === undefined) return;
  for (const scope of write ? ["fs.read", "fs.write"] : ["fs.read"]) {
    // What lies in the folder counts: a permission may be given for `folder/*` alone.
    if (permission.has(scope, folder) || permission.has(scope, `${folder}/x`)) continue;
    const [name, flag] = WANTED[scope];
    const cause = Object.assign(new Error("Access to this API has been restricted"), {
      code: "ERR_ACCESS_DENIED",
      permission: name,
      resource: folder,
    });
    const message = `Node was started with --permission, which forbids this for ${folder}: start it with ${flag}=${folder} as well.`;
    throw opslogError("OPSLOG_IO", message, { cause, path: folder });
  }
}

module.exports = { ensurePermitted };
