"use strict";

// Of which kind a value is that a caller gave. Of a revoked Proxy nothing can be asked, each look at it throws: it is of no kind.

/** Whether a value is a revoked Proxy. */
function isRevoked(value) {
  try {
    Array.isArray(value);
    return false;
  } catch {
    return true;
  }
}

/** Whether a value is an object or a list. */
function isObject(value) {
  return typeof value === "object" && value !== null && !isRevoked(value);
}

/** Whether a value is an object with fields, and no list. */
function isRecord(value) {
  return isObject(value) && !Array.isArray(value);
}

function isList(value) {
  return isObject(value) && Array.isArray(value);
}

/** Whether this is a Date, also one of another realm. */
function isDate(value) {
  return isObject(value) && Object.prototype.toString.call(value) === "[object Date]";
}

module.exports = { isDate, isList, isObject, isRecord, isRevoked };
