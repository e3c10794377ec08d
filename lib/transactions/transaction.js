"use strict";

// What the function of a transaction gets: the records, with its own changes in them, and the changes themselves. They stand in
// a batch of the store, which is logged as one, or taken back.

const { messages, opslogError } = require("../errors/errors");
const { isRecord } = require("../arguments/kinds");
const { describe } = require("../arguments/paths");
const { checkId, isPlainObject } = require("../arguments/values");

/** The changes of a transaction, with values as JSON has them. */
class Edits {
  #driver;
  /** How many changes were made. */
  #count = 0;
  /** What was handed out: objects of the transaction's own, so that one that fails leaves no record changed. */
  objects = new Map();
  isOver = false;

  constructor(driver) {
    this.#driver = driver;
  }

  get records() {
    return this.#driver.records;
  }

  /** Puts a text in the place of a record, or makes one of it. */
  setText(id, text) {
    this.#driver.setInBatch(id, text);
    this.#changed(id);
  }

  /** The same where there is no record yet. */
  insertText(id, text) {
    if (this.records.has(id)) throw opslogError("OPSLOG_EXISTS", messages.exists(id));
    this.setText(id, text);
  }

  /** Replaces fields, given as entries of values as JSON has them; `undefined` removes one. */
  patch(id, entries) {
    if (!this.records.has(id)) throw opslogError("OPSLOG_NOT_FOUND", messages.notFound(id));
    const current = this.records.plain(id);
    if (!isRecord(current))
      throw invalid(`patch() needs a record with fields, '${id}' is ${describe(current)}`);
    // NOTE: through entries, so that a field of the name __proto__ is one like others.
    const fields = new Map(Object.entries(current));
    for (const [name, value] of entries) {
      if (value === undefined) fields.delete(name);
      else fields.set(name, value);
    }
    this.setText(id, JSON.stringify(Object.fromEntries(fields)));
  }

  delete(id) {
    this.#driver.deleteInBatch(id);
    this.#changed(id);
  }

  /** Ends it: what its function has kept of it does nothing any more. Returns how many changes it has made. */
  end() {
    this.isOver = true;
    this.objects.clear();
    return this.#count;
  }

  #changed(id) {
    this.objects.delete(id);
    this.#count += 1;
  }
}

class Transaction {
  #edits;
  #toText;

  /** `toText(id, value)` makes the text that is logged for a value. */
  constructor(edits, toText) {
    this.#edits = edits;
    this.#toText = toText;
  }

  get(id) {
    const { objects, records } = this.#open();
    if (typeof id !== "string") return undefined;
    if (!objects.has(id)) objects.set(id, records.copy(id));
    return objects.get(id);
  }

  has(id) {
    const { records } = this.#open();
    return typeof id === "string" && records.has(id);
  }

  set(id, value) {
    const edits = this.#open();
    checkId(id);
    edits.setText(id, this.#toText(id, value));
  }

  insert(id, value) {
    const edits = this.#open();
    checkId(id);
    if (edits.records.has(id)) throw opslogError("OPSLOG_EXISTS", messages.exists(id));
    edits.setText(id, this.#toText(id, value));
  }

  patch(id, partial) {
    const edits = this.#open();
    checkId(id);
    edits.patch(id, fieldsOf(id, partial, this.#toText));
  }

  delete(id) {
    const edits = this.#open();
    if (typeof id !== "string" || !edits.records.has(id)) {
      throw opslogError("OPSLOG_NOT_FOUND", messages.notFound(typeof id === "string" ? id : describe(id)));
    }
    edits.delete(id);
  }

  #open() {
    if (this.#edits.isOver) {
      throw invalid("the transaction is over: use its argument only while its function runs");
    }
    return this.#edits;
  }
}

/** Fields as they are at the call, with values as JSON has them; `undefined` stays, for it removes one. */
function fieldsOf(id, partial, toText) {
  if (!isRecord(partial)) throw invalid(`patch() takes an object of fields, got ${describe(partial)}`);
  const plain = JSON.parse(toText(id, partial));
  // NOTE: of a Date, JSON makes a string.
  if (!isRecord(plain))
    throw invalid(`patch() takes an object of fields, got one that JSON makes ${describe(plain)} of`);
  const fields = new Map(Object.entries(plain));
  for (const [name, value] of Object.entries(partial)) {
    if (value === undefined) fields.set(name, undefined);
    else if (!fields.has(name) && !hasToJson(partial)) refuseWithoutText(id, name, value);
  }
  // NOTE: a Map, a Set or a promise, whose entries or value the caller may have meant.
  if (fields.size === 0 && !isPlainObject(partial))
    throw invalid(`patch() takes an object of fields, got ${describe(partial)}, which JSON finds none in`);
  return [...fields];
}

/** Refuses a field that JSON leaves out. One that a replacer leaves out stays as it is in the record. */
function refuseWithoutText(id, name, value) {
  const printed = hasToJson(value) ? value.toJSON(name) : value;
  if (!["function", "symbol", "undefined"].includes(typeof printed)) return;
  const message = `Value of record '${id}' cannot be stored: JSON has no text for field ${JSON.stringify(name)}, ${describe(value)}`;
  throw opslogError("OPSLOG_INVALID_VALUE", message, { kind: "TypeError" });
}

function hasToJson(value) {
  return typeof value?.toJSON === "function";
}

function invalid(message) {
  return opslogError("OPSLOG_INVALID_ARGUMENT", message, { kind: "TypeError" });
}

module.exports = { Edits, Transaction, fieldsOf };
