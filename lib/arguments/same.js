"use strict";

// Whether two values are the same, however deep they are.

const { isDeepStrictEqual } = require("../platform/builtins").util;

/** Values that are nested too deeply to be compared are the same if their texts are. */
function isSame(one, other) {
  try {
    return isDeepStrictEqual(one, other);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return JSON.stringify(one) === JSON.stringify(other);
  }
}

module.exports = { isSame };
