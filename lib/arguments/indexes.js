"use strict";

// The indexes that a store is to have.

const { wrongType } = require("../errors/errors");
const { isRecord } = require("./kinds");
const { checkNames } = require("./option-names");
const { describe } = require("./paths");

/** The declared indexes as text for the native side, which checks the fields; `undefined` if there are none. */
function readIndexes(options, { skipLoad }) {
  const { indexes } = options;
  if (indexes === undefined || indexes === null) return undefined;
  if (!isRecord(indexes)) {
    throw wrongType(`option indexes must be an object of fields, got ${describe(indexes)}`);
  }
  const declared = [];
  for (const [name, given] of Object.entries(indexes)) {
    const shown = `option indexes: ${JSON.stringify(name)}`;
    if (given === undefined || given === null) continue;
    if (!isRecord(given)) {
      throw wrongType(
        `${shown} must be an object of options, such as { unique: true }, got ${describe(given)}`,
      );
    }
    checkNames(given, ["unique"], shown);
    const unique = given.unique ?? false;
    if (typeof unique !== "boolean") {
      throw wrongType(`${shown}: unique must be a boolean, got ${describe(unique)}`);
    }
    if (unique && skipLoad) {
      throw wrongType(`${shown} cannot be unique under skipLoad: no other record is known`);
    }
    declared.push(`${JSON.stringify(name)}:${unique ? '{"unique":true}' : "{}"}`);
  }
  return declared.length === 0 ? undefined : `{${declared.join(",")}}`;
}

module.exports = { readIndexes };
