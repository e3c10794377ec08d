"use strict";

// How values become text and text becomes values: as JSON does it, with the `replacer` and the `reviver` that `open()` was given. Files,
// backends and queries have the text alone; what a program gets or gives goes through here.

const { wrongType } = require("../errors/errors");
const { isList } = require("./kinds");
const { describe } = require("./paths");
const { checkStrict, strictReplacer } = require("./strict-json");
const { toText } = require("./values");

function readFunction(options, name) {
  const value = options[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "function") return value;
  const hint = name === "replacer" && isList(value) ? ": a list of names would lose the other fields" : "";
  throw wrongType(`option ${name} must be a function, got ${describe(value)}${hint}`);
}

/** As JSON.parse() calls a reviver: from the innermost values outwards, each with the object or list that holds it. */
function revive(reviver, holder, key) {
  const value = holder[key];
  if (typeof value === "object" && value !== null) {
    for (const name of Object.keys(value)) {
      const revived = revive(reviver, value, name);
      if (revived === undefined) delete value[name];
      else if (revived !== value[name]) value[name] = revived;
    }
  }
  return reviver.call(holder, key, value);
}

class Codec {
  #replacer;
  #reviver;
  #isStrict;

  constructor(options, isStrict) {
    this.#replacer = readFunction(options, "replacer");
    this.#reviver = readFunction(options, "reviver");
    this.#isStrict = isStrict;
  }

  /** Whether values are what JSON makes of their text. */
  get isPlain() {
    return this.#reviver === undefined;
  }

  /** Whether values and texts are JSON's both ways, and nothing is asked of a value beside. */
  get isJson() {
    return this.isPlain && this.#replacer === undefined && !this.#isStrict;
  }

  /** The text that is logged for a value. */
  toText(id, value) {
    if (!this.#isStrict) return toText(id, value, this.#replacer);
    if (this.#replacer !== undefined || this.#reviver !== undefined) {
      const allowsDates = this.#reviver !== undefined;
      return toText(id, value, strictReplacer(id, { replacer: this.#replacer, allowsDates }));
    }
    checkStrict(id, value);
    return toText(id, value);
  }

  /** A value that JSON.parse() made, as the program gets it. The value itself may be changed. */
  value(parsed) {
    return this.isPlain || parsed === undefined ? parsed : revive(this.#reviver, { "": parsed }, "");
  }

  /** As `value`, of one that is not the store's own. */
  copied(value) {
    return this.isPlain || value === undefined ? value : this.value(JSON.parse(JSON.stringify(value)));
  }

  /** The values of a flat list of ids and values; `null, id` stands for a record whose value is `undefined`. */
  pairs(list) {
    if (this.isPlain) return list;
    for (let i = 0; i < list.length; i += 2) if (list[i] !== null) list[i + 1] = this.value(list[i + 1]);
    return list;
  }

  /** Lists of ids and values with the values of the second. */
  piece(piece) {
    if (this.isPlain) return piece;
    const values = piece[1];
    for (let i = 0; i < values.length; i++) values[i] = this.value(values[i]);
    return piece;
  }

  /** The values of operations. A delta holds values of fields. */
  operations(list) {
    if (this.isPlain) return list;
    for (const operation of list) {
      if (operation.data !== undefined) operation.data = this.value(operation.data);
      if (operation.encoding === "delta") this.#fields(operation.prev?.$set);
      else if (operation.prev !== null) operation.prev = this.value(operation.prev);
    }
    return list;
  }

  /** The values of what `changes()` gives. */
  changes(list) {
    if (this.isPlain) return list;
    for (const change of list) {
      if (change.type === "set") change.value = this.value(change.value);
      if (change.type !== "undone" && change.before !== null) change.before = this.value(change.before);
    }
    return list;
  }

  /** A function that migrates records, for values as JSON makes them. */
  migration(migrate) {
    if (this.#replacer === undefined && this.isPlain) return migrate;
    return (record, version) => {
      const migrated = migrate(this.value(record), version);
      if (typeof migrated?.then === "function") return migrated;
      try {
        return JSON.parse(JSON.stringify(migrated, this.#replacer));
      } catch {
        // What JSON cannot hold is told by the one who prints it.
        return migrated;
      }
    };
  }

  #fields(fields) {
    for (const name of Object.keys(fields ?? {})) fields[name] = revive(this.#reviver, fields, name);
  }
}

module.exports = { Codec };
