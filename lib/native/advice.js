"use strict";

// What to do when no binary can be loaded, in one sentence that fits the reason.

const { process } = require("../platform/builtins");

const BY_HAND =
  "build a binary with `npm run build` in a clone of the repository (needs Rust) and set OPSLOG_NATIVE_PATH to it.";

/** The sentence for a platform, from what went wrong with each place. */
function advice(triple, errors, isBundled) {
  if (errors.some((error) => error?.code === "ERR_DLOPEN_DISABLED")) {
    return process.permission === undefined
      ? "Node was started with --no-addons, and the store is one: start it without."
      : "Node was started with --permission, which forbids addons: start it with --allow-addons as well.";
  }
  if (errors.some((error) => error?.name === "NotCapable")) {
    return "Deno was started without a permission for addons: start it with --allow-ffi (and --allow-read, --allow-write, --allow-env).";
  }
  if (isBundled) {
    return (
      "Your program is bundled: leave @backloghq/opslog out of the bundle (as an external package), or put the file " +
      `opslog.${triple}.node of @backloghq/opslog-${triple} beside the bundle, or set OPSLOG_NATIVE_PATH to it.`
    );
  }
  return `Install @backloghq/opslog-${triple}, or ${BY_HAND}`;
}

module.exports = { advice };
