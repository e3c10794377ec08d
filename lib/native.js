"use strict";

// Finds and loads the compiled addon, on first use and once. Importing the package never comes here, so a
// machine without a binary can still use everything that needs none.

const path = require("node:path");
const process = require("node:process");
const { opslogError } = require("./errors");
const { isMusl } = require("./fs/libc");

/** The name of this platform as napi-rs spells it, such as `linux-x64-gnu`. */
function platformTriple() {
  const { platform, arch } = process;
  const base = `${platform}-${arch}`;
  if (platform === "win32") return `${base}-msvc`;
  if (platform !== "linux") return base;
  const abi = isMusl() ? "musl" : "gnu";
  return arch === "arm" ? `${base}-${abi}eabihf` : `${base}-${abi}`;
}

/** The places where the addon may be, in the order in which they are tried. */
function candidates(triple) {
  const places = [];
  if (process.env.OPSLOG_NATIVE_PATH) places.push(path.resolve(process.env.OPSLOG_NATIVE_PATH));
  places.push(path.join(__dirname, "..", "native", `opslog.${triple}.node`));
  places.push(`@backloghq/opslog-${triple}`);
  return places;
}

/** The first line of what went wrong: the rest is Node's list of requiring modules. */
function reason(error) {
  return String(error?.message ?? error).split("\n", 1)[0];
}

let addon;

/** Returns the addon. Throws `OPSLOG_NATIVE_UNAVAILABLE` with every place tried and why it failed. */
function load() {
  if (addon !== undefined) return addon;
  const triple = platformTriple();
  const tried = [];
  for (const place of candidates(triple)) {
    try {
      addon = require(place);
      return addon;
    } catch (error) {
      tried.push({ path: place, reason: reason(error), error });
    }
  }
  throw opslogError(
    "OPSLOG_NATIVE_UNAVAILABLE",
    `No usable binary of opslog for ${triple} (Node ${process.version}). Tried:\n` +
      tried.map((attempt) => `  ${attempt.path}: ${attempt.reason}`).join("\n") +
      `\nInstall @backloghq/opslog-${triple}, or build a binary with \`npm run build\` in a clone of the ` +
      "repository (needs Rust) and set OPSLOG_NATIVE_PATH to it.",
    {
      cause: new AggregateError(
        tried.map((attempt) => attempt.error),
        "every place failed",
      ),
      tried: tried.map((attempt) => ({ path: attempt.path, reason: attempt.reason })),
    },
  );
}

module.exports = { load, platformTriple };
