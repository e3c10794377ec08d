"use strict";

// What the function of a transaction gets: the records, with its own changes in them, and the changes themselves. They stand in
// a batch of the store, which is logged as one, or taken back.

const { messages, opslogError } = require("../errors/errors");
const { describe } = require("../arguments/paths");
const { checkId } = require("../arguments/values");

class Transaction {
  #driver;
  #toText;
  #changes = [];
  /** What was handed out: objects of the transaction's own, so that one that fails leaves no record changed. */
  #objects = new Map();
  #isOver = false;

  /** `toText(id, value)` makes the text that is logged for a value. */
  constructor(driver, toText) {
    this.#driver = driver;
    this.#toText = toText;
  }

  get(id) {
    this.#check();
    if (typeof id !== "string") return undefined;
    if (!this.#objects.has(id)) this.#objects.set(id, this.#driver.records.copy(id));
    return this.#objects.get(id);
  }

  has(id) {
    this.#check();
    return typeof id === "string" && this.#driver.records.has(id);
  }

  set(id, value) {
    this.#check();
    checkId(id);
    this.#set(id, value);
  }

  insert(id, value) {
    this.#check();
    checkId(id);
    if (this.#driver.records.has(id)) throw opslogError("OPSLOG_EXISTS", messages.exists(id));
    this.#set(id, value);
  }

  patch(id, partial) {
    this.#check();
    checkId(id);
    if (!isObject(partial)) throw invalid(`patch() takes an object of fields, got ${describe(partial)}`);
    if (!this.#driver.records.has(id)) throw opslogError("OPSLOG_NOT_FOUND", messages.notFound(id));
    const current = this.#driver.records.copy(id);
    if (!isObject(current))
      throw invalid(`patch() needs a record with fields, '${id}' is ${describe(current)}`);
    // NOTE: through entries, so that a field of the name __proto__ is one like others.
    const fields = new Map(Object.entries(current));
    for (const [name, value] of Object.entries(partial)) {
      if (value === undefined) fields.delete(name);
      else fields.set(name, value);
    }
    this.#set(id, Object.fromEntries(fields));
  }

  delete(id) {
    this.#check();
    if (typeof id !== "string" || !this.#driver.records.has(id)) {
      throw opslogError("OPSLOG_NOT_FOUND", messages.notFound(typeof id === "string" ? id : describe(id)));
    }
    this.#driver.deleteInBatch(id);
    this.#objects.delete(id);
    this.#changes.push(id);
  }

  /** Ends it: what its function has kept of it does nothing any more. Returns the ids of what it has changed. */
  end() {
    this.#isOver = true;
    this.#objects.clear();
    return this.#changes;
  }

  #set(id, value) {
    this.#driver.setInBatch(id, this.#toText(id, value));
    this.#objects.delete(id);
    this.#changes.push(id);
  }

  #check() {
    if (this.#isOver) throw invalid("the transaction is over: use its argument only while its function runs");
  }
}

/** Whether a value has fields. */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(message) {
  return opslogError("OPSLOG_INVALID_ARGUMENT", message, { kind: "TypeError" });
}

module.exports = { Transaction, isObject };
