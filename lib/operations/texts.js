"use strict";

// Lists that come from the native side as text.

/**
 * Operations from the native side: the JSON text of a list, or, where that would be too long for a string, the members of
 * each operation with the text of their values.
 */
function parseOperations(operations) {
  if (typeof operations === "string") return JSON.parse(operations);
  return operations.map((members) =>
    Object.fromEntries(members.map(([key, text]) => [key, JSON.parse(text)])),
  );
}

module.exports = { parseOperations };
