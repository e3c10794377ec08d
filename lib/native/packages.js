"use strict";

// The packages of the platforms, each in a `require` of its own: bundlers look for those, and take one inside of `try`
// for one that may be missing.

/** What a platform's package gives: the addon, or where a bundler has put it into a bundle, the path of its file. */
function requirePackage(triple) {
  // eslint-disable-next-line no-useless-catch -- bundlers want a handler; the caller knows what else to try
  try {
    switch (triple) {
      case "linux-x64-gnu":
        return require("@backloghq/opslog-linux-x64-gnu");
      case "linux-x64-musl":
        return require("@backloghq/opslog-linux-x64-musl");
      case "linux-arm64-gnu":
        return require("@backloghq/opslog-linux-arm64-gnu");
      case "linux-arm64-musl":
        return require("@backloghq/opslog-linux-arm64-musl");
      case "darwin-x64":
        return require("@backloghq/opslog-darwin-x64");
      case "darwin-arm64":
        return require("@backloghq/opslog-darwin-arm64");
      case "win32-x64-msvc":
        return require("@backloghq/opslog-win32-x64-msvc");
      case "win32-arm64-msvc":
        return require("@backloghq/opslog-win32-arm64-msvc");
      default:
        return undefined;
    }
  } catch (error) {
    throw error;
  }
}

module.exports = { requirePackage };
