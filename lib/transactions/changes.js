"use strict";

// What is made of transactions. Each is the function of a transaction, which gets what the
// caller's function would get, and the edits with values as JSON has them. `toText` makes the text that is logged for a value, at the call:
// the caller may change its object before the transaction's turn comes.

const { isSame } = require("../arguments/same");
const { checkFunction, refusePromise } = require("../arguments/checks");
const { checkId } = require("../arguments/values");
const { fieldsOf } = require("./transaction");

/** Calls the caller's function, which gets nothing but the transaction. */
function calling(fn) {
  checkFunction(fn, "transaction()");
  return (tx) => fn(tx);
}

/** Deletes all records. Returns how many there were. */
function clearing() {
  return (tx, edits) => {
    const ids = edits.records.ids();
    for (const id of ids) tx.delete(id);
    return ids.length;
  };
}

/** Adds a record that must not be there yet. */
function insertion(id, value, toText) {
  checkId(id);
  const text = toText(id, value);
  return (tx, edits) => edits.insertText(id, text);
}

/** Puts what a function makes of a record in its place; `undefined` leaves it. Returns what is there afterwards. */
function update(id, change) {
  checkId(id);
  checkFunction(change, "update()");
  return (tx, edits) => {
    const current = tx.get(id);
    const next = change(current);
    refusePromise(next, "update()");
    // NOTE: read anew, for the function may have changed its argument.
    if (next === undefined) return edits.records.copy(id);
    tx.set(id, next);
    return tx.get(id);
  };
}

/** Replaces fields of a record. */
function patching(id, partial, toText) {
  checkId(id);
  const fields = fieldsOf(id, partial, toText);
  return (tx, edits) => edits.patch(id, fields);
}

/** Replaces a record if it is what is expected. Returns whether it was. */
function comparison(id, expected, next, toText) {
  checkId(id);
  const before = expected === undefined ? undefined : JSON.parse(toText(id, expected));
  const after = toText(id, next);
  return (tx, edits) => {
    const isExpected = tx.has(id) ? isSame(edits.records.plain(id), before) : before === undefined;
    if (isExpected) edits.setText(id, after);
    return isExpected;
  };
}

module.exports = { calling, clearing, comparison, insertion, patching, update };
