"use strict";

// The options of S3Backend, checked.

const { outOfRange, wrongType } = require("../errors/errors");

const MB = 1 << 20;
const DEFAULTS = {
  prefix: "",
  lockTtlMs: 60_000,
  requestTimeoutMs: 10_000,
  attempts: 8,
  graceMs: 3_600_000,
  cacheBytes: 32 * MB,
};
const KNOWN = new Set(["bucket", "client", "config", "signal", ...Object.keys(DEFAULTS)]);

function number(options, name, { least, isWhole = false }) {
  const value = options[name];
  if (typeof value !== "number") throw wrongType(`S3Backend: ${name} must be a number`);
  if (!(value >= least) || (isWhole && !Number.isInteger(value)))
    throw outOfRange(`S3Backend: ${name} must be ${isWhole ? "an integer" : "a number"} from ${least} on`);
}

/** Returns the options with the defaults in the place of those that are not given. */
function checked(given) {
  if (typeof given !== "object" || given === null)
    throw wrongType("S3Backend: the options must be an object");
  const unknown = Object.keys(given).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw outOfRange(`S3Backend: there is no option ${unknown}`);
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const options = { ...DEFAULTS, ...Object.fromEntries(set) };
  if (typeof options.bucket !== "string" || options.bucket === "")
    throw wrongType("S3Backend: bucket must be the name of a bucket");
  if (typeof options.prefix !== "string") throw wrongType("S3Backend: prefix must be a string");
  if (options.client !== undefined && typeof options.client?.send !== "function")
    throw wrongType("S3Backend: client must be an S3Client");
  if (options.client !== undefined && options.config !== undefined)
    throw outOfRange("S3Backend: give a client or a config, not both");
  if (options.signal !== undefined && typeof options.signal?.addEventListener !== "function")
    throw wrongType("S3Backend: signal must be an AbortSignal");
  number(options, "lockTtlMs", { least: 1 });
  number(options, "requestTimeoutMs", { least: 1 });
  number(options, "attempts", { least: 1, isWhole: true });
  number(options, "graceMs", { least: 0 });
  number(options, "cacheBytes", { least: 0 });
  options.prefix = options.prefix.replace(/^\/+|\/+$/g, "");
  return options;
}

module.exports = { checked };
