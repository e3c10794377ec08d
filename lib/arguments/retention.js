"use strict";

// How much of the history is kept: what `prune()` was given, and the option `retain`.

const { types } = require("../platform/builtins").util;
const { messages, opslogError, outOfRange, wrongType } = require("../errors/errors");
const { readSignal } = require("./checks");
const { isRecord } = require("./kinds");
const { checkNames } = require("./option-names");
const { describe } = require("./paths");
const { readOnProgress } = require("./progress");
const { msOfText } = require("./times");
const { isoOf, now } = require("./values");

/** Each checkpoint writes the lines again that stay open to undo(). */
const MOST_UNDO = 10_000;

const given = (value) => value !== undefined && value !== null;

/** A number from 0 on, `undefined` for none; `Infinity` is no limit. */
function readLimit(options, name, shown, { whole }) {
  const value = options[name];
  if (!given(value)) return undefined;
  if (typeof value !== "number") throw wrongType(`option ${shown} must be a number, got ${describe(value)}`);
  if (value === Infinity) return undefined;
  if (!(value >= 0) || value > Number.MAX_SAFE_INTEGER || (whole && !Number.isInteger(value))) {
    const kind = whole ? "an integer from 0 on" : "a number from 0 on";
    throw outOfRange(`option ${shown} must be ${kind} or Infinity, got ${value}`);
  }
  return value;
}

/** A time, as operations have it. */
function readTime(options, name) {
  const value = options?.[name];
  if (!given(value)) return undefined;
  const isTime = types.isDate(value) || typeof value === "string" || typeof value === "number";
  if (!isTime)
    throw wrongType(`option ${name} must be a Date, or its text or number, got ${describe(value)}`);
  const iso = isoOf(typeof value === "string" ? msOfText(value) : value);
  if (iso === undefined) {
    throw outOfRange(
      `option ${name} must be a time such as "2026-01-31T12:00:00.000Z", got ${JSON.stringify(String(value))}`,
    );
  }
  return iso;
}

/** Refuses `null`, which may be a limit that got lost: without one everything goes. */
function refuseNull(options) {
  if (options === null) throw wrongType("options must be an object, got null");
  const kinds = { before: "a Date, or its text or number", keepBytes: "a number", dryRun: "a boolean" };
  for (const [name, kind] of Object.entries(kinds)) {
    if (options?.[name] === null) throw wrongType(`option ${name} must be ${kind}, got null`);
  }
}

/** Checks what `prune()` was given. */
function parsePrune(options) {
  checkNames(options, ["before", "keepBytes", "dryRun", "signal", "onProgress"], "prune()");
  refuseNull(options);
  const dryRun = options?.dryRun ?? false;
  if (typeof dryRun !== "boolean")
    throw wrongType(`option dryRun must be a boolean, got ${describe(dryRun)}`);
  const before = readTime(options, "before");
  const keepBytes = readLimit(options ?? {}, "keepBytes", "keepBytes", { whole: true });
  const isLimited = options?.before !== undefined || options?.keepBytes !== undefined;
  const [signal, onProgress] = [readSignal(options), readOnProgress(options)];
  // NOTE: without a limit everything goes. A limit that keeps everything is none of these.
  const limits = isLimited ? { before, keepBytes: keepBytes ?? Number.MAX_SAFE_INTEGER } : undefined;
  return { limits, dryRun, signal, onProgress };
}

/** The option `retain`, which is given. */
function readRetain(options, { readOnly }) {
  const { retain } = options;
  if (!isRecord(retain)) {
    throw wrongType(`option retain must be an object, got ${describe(retain)}`);
  }
  checkNames(retain, ["bytes", "ms", "checkpoints", "undo"], "retain");
  const bytes = readLimit(retain, "bytes", "retain.bytes", { whole: true });
  const ms = readLimit(retain, "ms", "retain.ms", { whole: false });
  const checkpoints = readLimit(retain, "checkpoints", "retain.checkpoints", { whole: true });
  const keepsAll = bytes === undefined && ms === undefined && checkpoints === undefined;
  return readOnly || keepsAll ? undefined : Object.freeze({ bytes, ms, checkpoints });
}

/** How many operations stay open to undo() across checkpoints. Read after `readRetain()`. */
function readKeepUndo(options, { readOnly, agentId }) {
  const undo = options.retain?.undo;
  if (!given(undo)) return 0;
  if (typeof undo !== "number") throw wrongType(`option retain.undo must be a number, got ${describe(undo)}`);
  if (!Number.isInteger(undo) || undo < 0 || undo > MOST_UNDO) {
    throw outOfRange(`option retain.undo must be an integer from 0 to ${MOST_UNDO}, got ${undo}`);
  }
  if (undo > 0 && agentId !== undefined && !readOnly) {
    throw opslogError("OPSLOG_UNSUPPORTED", messages.keepUndoOfAgents());
  }
  return undo;
}

/** What the option `retain` keeps, as `prune()` takes it. */
function limitsOf({ bytes, ms, checkpoints }) {
  return { keepBytes: bytes, before: ms === undefined ? undefined : isoOf(now() - ms), checkpoints };
}

/** Refuses what a backend lacks the method for. */
function refuseRetention(what, method) {
  throw opslogError("OPSLOG_UNSUPPORTED", messages.retentionOfBackend(what, method));
}

module.exports = { limitsOf, parsePrune, readKeepUndo, readRetain, refuseRetention };
