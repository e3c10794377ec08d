"use strict";

// Finds and loads the compiled addon, on first use and once. Importing the package never comes here, so a
// machine without a binary can still use everything that needs none.

const { createRequire } = require("../platform/builtins").module;
const { fs, path, process } = require("../platform/builtins");
const { opslogError } = require("../errors/errors");
const { isMusl } = require("./libc");
const { advice } = require("./advice");
const { asset, besideProgram, besideThis, ownFolder } = require("./bundle");
const { requirePackage } = require("./packages");

/** The name of this platform as napi-rs spells it, such as `linux-x64-gnu`. */
function platformTriple() {
  const { platform, arch } = process;
  const base = `${platform}-${arch}`;
  if (platform === "win32") return `${base}-msvc`;
  if (platform !== "linux") return base;
  const abi = isMusl() ? "musl" : "gnu";
  return arch === "arm" ? `${base}-${abi}eabihf` : `${base}-${abi}`;
}

/** Loads a binary by its absolute path, also where a bundler or an executable has replaced `require`. */
function loadFile(file) {
  return createRequire(file)(file);
}

/** The addon of a platform's package: what requires it gets the addon, or without Node's condition the path of its file. */
const addonOf = (found) => (typeof found === "string" ? loadFile(found) : found);

/** Loads the addon of a platform's package. */
function loadPackage(triple) {
  const found = requirePackage(triple);
  if (found === undefined) throw new Error("there is no such package in the bundle, or for this platform");
  return addonOf(found);
}

/**
 * The places where the addon may be, in the order in which they are tried. Each is a name and a function that loads it. A place
 * is made when those before it have failed: most programs need the first one alone.
 */
function* candidates(triple) {
  const file = `opslog.${triple}.node`;
  const inFile = (place) => ({ place, load: () => loadFile(place) });
  if (process.env.OPSLOG_NATIVE_PATH) yield inFile(path.resolve(process.env.OPSLOG_NATIVE_PATH));
  const built = besideThis(path.join("native", file));
  // NOTE: what is published has no such folder, and a `require` takes long to say so.
  const isBuilt = fs.existsSync(built);
  if (isBuilt) yield inFile(built);
  yield { place: `@backloghq/opslog-${triple}`, load: () => loadPackage(triple) };
  if (ownFolder() !== undefined) {
    if (!isBuilt) yield inFile(built);
    return;
  }
  const extracted = asset(file);
  if (extracted !== undefined) yield { place: `the asset ${file}`, load: () => loadFile(extracted()) };
  for (const beside of besideProgram()) {
    yield inFile(path.join(beside, file));
    const name = `@backloghq/opslog-${triple}`;
    yield {
      place: `${name} from ${beside}`,
      load: () => addonOf(createRequire(path.join(beside, "x"))(name)),
    };
  }
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
  for (const { place, load: loadPlace } of candidates(triple)) {
    try {
      addon = loadPlace();
      return addon;
    } catch (error) {
      tried.push({ path: place, reason: reason(error), error });
    }
  }
  const errors = tried.map((attempt) => attempt.error);
  throw opslogError(
    "OPSLOG_NATIVE_UNAVAILABLE",
    `No usable binary of opslog for ${triple} (Node ${process.version}). Tried:\n` +
      tried.map((attempt) => `  ${attempt.path}: ${attempt.reason}`).join("\n") +
      `\n${advice(triple, errors, ownFolder() === undefined)}`,
    {
      cause: new AggregateError(errors, "every place failed"),
      tried: tried.map((attempt) => ({ path: attempt.path, reason: attempt.reason })),
    },
  );
}

module.exports = { load, platformTriple };
