"use strict";

// What a call of changes() asks for, read and checked.

const { readCount, readSignal } = require("../arguments/checks");
const { isDate } = require("../arguments/kinds");
const { checkNames } = require("../arguments/option-names");
const { describe } = require("../arguments/paths");
const { msOfText } = require("../arguments/times");
const { outOfRange, wrongType } = require("../errors/errors");
const { otherPosition } = require("./place");

/** Taken here: a test may put a fake in its place, and what is given was made with either. */
const Time = Date;
const NAMES = ["after", "since", "until", "id", "reverse", "limit", "live", "signal"];

/** The last time whose text has a year of four digits: the text of a later one sorts before all others. */
const LAST_MS = Time.UTC(9999, 11, 31, 23, 59, 59, 999);
const textOf = (ms) => new Time(Math.min(ms, LAST_MS)).toISOString();

/** A time as operations have it: the text that `toISOString()` prints. */
function readTime(options, name) {
  const value = options?.[name];
  if (value === undefined || value === null) return undefined;
  if (isDate(value)) {
    if (Number.isNaN(value.getTime())) throw outOfRange(`option ${name} must be a time, got an invalid Date`);
    return textOf(value.getTime());
  }
  if (typeof value !== "string") {
    throw wrongType(
      `option ${name} must be a Date or a string such as "2026-01-31T12:00:00.000Z", got ${describe(value)}`,
    );
  }
  const ms = msOfText(value);
  if (Number.isNaN(ms)) {
    throw outOfRange(
      `option ${name} must be a time such as "2026-01-31T12:00:00.000Z", got ${JSON.stringify(value)}`,
    );
  }
  return textOf(ms);
}

function readString(options, name) {
  const value = options?.[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw wrongType(`option ${name} must be a string, got ${describe(value)}`);
  return value;
}

function readFlag(options, name) {
  const value = options?.[name] ?? false;
  if (typeof value !== "boolean") throw wrongType(`option ${name} must be a boolean, got ${describe(value)}`);
  return value;
}

/** Reads the options of changes(). `isPosition` tells whether a text is a position. */
function readWanted(options, isPosition) {
  checkNames(options, NAMES, "changes()");
  const after = readString(options, "after");
  if (after !== undefined && !isPosition(after)) {
    throw outOfRange(`option after ${otherPosition(after)}`);
  }
  const [reverse, live] = [readFlag(options, "reverse"), readFlag(options, "live")];
  const until = readTime(options, "until");
  if (live && (reverse || until !== undefined)) {
    throw outOfRange(
      `option live goes on with what comes: it cannot be given with ${reverse ? "reverse" : "until"}`,
    );
  }
  // NOTE: null would be all records where one was meant.
  if (options?.id === null) throw wrongType("option id must be a string, got null");
  const limit = options?.limit === Infinity ? undefined : readCount(options, "limit");
  return {
    native: { after, since: readTime(options, "since"), until, id: readString(options, "id"), reverse, live },
    limit: limit ?? Infinity,
    signal: readSignal(options),
  };
}

/** Reads the options of undo(): whether the whole last batch is to be undone. */
function readUndo(options) {
  checkNames(options, ["batch"], "undo()");
  return readFlag(options, "batch");
}

module.exports = { readUndo, readWanted };
