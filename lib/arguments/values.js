"use strict";

// What may be stored: ids are non-empty strings, values are what JSON can hold. Both are checked before
// anything changes.

const { opslogError, wrongType } = require("../errors/errors");
const { describe } = require("./paths");

function checkId(id) {
  if (typeof id !== "string") throw wrongType(`id must be a string, got ${describe(id)}`);
  if (id === "") throw wrongType("id must not be the empty string");
}

function refuse(id, why, cause) {
  const message = `Value of record '${id}' cannot be stored: ${why}`;
  return opslogError("OPSLOG_INVALID_VALUE", message, { kind: "TypeError", cause });
}

function tooDeep(id, cause) {
  return refuse(id, "it is nested too deeply", cause);
}

/** The JSON text that is logged for a value. Throws `OPSLOG_INVALID_VALUE` for one that JSON cannot hold. */
function toText(id, value, replacer) {
  let text;
  try {
    text = JSON.stringify(value, replacer);
  } catch (error) {
    if (error?.code === "OPSLOG_INVALID_VALUE") throw error;
    const isTooDeep = error instanceof RangeError && /call stack/.test(error.message);
    throw isTooDeep ? tooDeep(id, error) : refuse(id, error?.message ?? String(error), error);
  }
  if (text === undefined || text === "null") throw refuse(id, `JSON has no text for ${describe(value)}`);
  return text;
}

/** Whether an object is of no class. One of another realm has another Object.prototype. */
function isPlainObject(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// Only calculates with times that it is given.
const Calendar = Date;

/** The JS clock, asked at each call, so that tests with a fake clock see their own time. */
function now() {
  const ms = Date.now();
  if (!(Math.abs(ms) <= 8.64e15)) throw new RangeError("Invalid time value");
  return ms;
}

/** The JS clock as a date. */
function today() {
  return new Calendar(now());
}

/** A time in milliseconds or as a date, as operations have it; `undefined` for what is none. */
function isoOf(time) {
  const date = new Calendar(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** The same as the text that operations and files have. */
function isoNow() {
  return today().toISOString();
}

module.exports = { checkId, isPlainObject, isoNow, isoOf, now, toText, today, tooDeep };
