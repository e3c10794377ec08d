"use strict";

// What is made of transactions: one change that depends on what is there. Each is the function of a transaction. `toText` makes
// the text that is logged for a value.

const { isDeepStrictEqual } = require("../platform/builtins").util;
const { checkFunction, refusePromise } = require("../arguments/checks");
const { checkId } = require("../arguments/values");
const { isObject } = require("./transaction");

/** Adds a record that must not be there yet. */
function insertion(id, value, toText) {
  checkId(id);
  // NOTE: its text at the call: the caller may change the object before its turn comes.
  const fixed = parsed(toText(id, value));
  return (tx) => tx.insert(id, fixed);
}

/** Puts what a function makes of a record in its place; `undefined` leaves it. Returns what is there afterwards. */
function update(id, change) {
  checkId(id);
  checkFunction(change, "update()");
  return (tx) => {
    const current = tx.get(id);
    const next = change(current);
    refusePromise(next, "update()");
    if (next === undefined) return current;
    tx.set(id, next);
    return tx.get(id);
  };
}

/** Replaces fields of a record. */
function patching(id, partial, toText) {
  checkId(id);
  const fixed = isObject(partial) ? copied(id, partial, toText) : partial;
  return (tx) => tx.patch(id, fixed);
}

/** A copy of fields; `undefined` stays, for it removes one. */
function copied(id, partial, toText) {
  const text = toText(id, partial);
  const fields = new Map(Object.entries(parsed(text)));
  for (const [name, value] of Object.entries(partial)) if (value === undefined) fields.set(name, undefined);
  return Object.fromEntries(fields);
}

/** Replaces a record if it is what is expected. Returns whether it was. */
function comparison(id, expected, next, toText) {
  checkId(id);
  const [before, after] = [
    expected === undefined ? undefined : parsed(toText(id, expected)),
    parsed(toText(id, next)),
  ];
  return (tx) => {
    const isExpected = tx.has(id) ? isDeepStrictEqual(tx.get(id), before) : before === undefined;
    if (isExpected) tx.set(id, after);
    return isExpected;
  };
}

/** The value as JSON has it. */
function parsed(text) {
  return JSON.parse(text);
}

module.exports = { comparison, insertion, patching, update };
