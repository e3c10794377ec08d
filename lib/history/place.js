"use strict";

// A place in the history, as callers name it: a position that the store gave, a Date, or the text of one.

const { outOfRange, wrongType } = require("../errors/errors");
const { isDate } = require("../arguments/kinds");
const { describe } = require("../arguments/paths");
const { msOfText } = require("../arguments/times");

const RealDate = Date;
const { getTime, toISOString } = RealDate.prototype;
/** How a position begins, and of what kind of store it is. */
const POSITION = /^[pb]\d/;
const KINDS = { p: "in a folder, or of none", b: "behind a backend or in memory, or of none" };

/**
 * Reads a place: `{ place, isTime }`, where a time is an ISO timestamp. `name` is what the argument is called; `isPosition` tells whether a
 * text is a position of the store.
 */
function readPlace(value, name, isPosition) {
  if (typeof value === "string") {
    if (POSITION.test(value)) {
      if (!isPosition(value)) throw outOfRange(`${name} ${otherPosition(value)}`);
      return { place: value, isTime: false };
    }
    const ms = msOfText(value);
    if (!Number.isNaN(ms)) return { place: toISOString.call(new RealDate(ms)), isTime: true };
    throw outOfRange(
      `${name} must be a position of the store or a time such as "2026-01-31T12:00:00.000Z", got ${describe(value)}`,
    );
  }
  if (isDate(value)) {
    if (Number.isNaN(getTime.call(value))) throw outOfRange(`${name} is an invalid Date`);
    return { place: toISOString.call(value), isTime: true };
  }
  throw wrongType(
    `${name} must be a position of the store, a Date or the text of one, got ${describe(value)}`,
  );
}

/** Says of which store a text is a position that is none of this one. */
function otherPosition(text) {
  let of = "none";
  if (POSITION.test(text)) of = `one of a store ${KINDS[text[0]]}`;
  return `must be a position that this store gave: ${JSON.stringify(text)} is ${of}`;
}

module.exports = { otherPosition, readPlace };
