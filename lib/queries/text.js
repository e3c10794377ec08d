"use strict";

// A query as text for the native side, which reads it. JSON has no spelling for what a query may hold beside JSON: each string
// gets an "s" in front, and each regular expression is an "r" and its number.

const { types } = require("../platform/builtins").util;
const { opslogError } = require("../errors/errors");
const { isList } = require("../arguments/kinds");
const { describe } = require("../arguments/paths");

/** As deep as a query may be nested. */
const DEPTH = 100;
const { toJSON } = Date.prototype;

function refused(place, what, cause) {
  return opslogError("OPSLOG_INVALID_ARGUMENT", `${place} ${what}`, { kind: "TypeError", cause });
}

/** Whether a value is an object literal, also one of another realm, or without a prototype. */
function isPlain(value) {
  return !types.isProxy(value) && Object.prototype.toString.call(value) === "[object Object]";
}

/** The text of a query, and its regular expressions. */
class QueryText {
  patterns = [];
  text;

  constructor(query, place) {
    if (typeof query !== "object" || query === null || !isPlain(query)) {
      throw refused(place, `must be an object of conditions, got ${describe(query)}`);
    }
    this.text = this.#print(query, place, 0);
  }

  #print(value, place, depth) {
    if (depth > DEPTH) throw refused(place, `is nested deeper than ${DEPTH} levels`);
    switch (typeof value) {
      case "string":
        return JSON.stringify(`s${value}`);
      case "boolean":
        return String(value);
      case "number":
        return printNumber(value, place);
      case "object":
        return value === null ? "null" : this.#printObject(value, place, depth);
      default:
        throw refused(place, `is ${describe(value)}, which no record can hold`);
    }
  }

  #printObject(value, place, depth) {
    if (types.isRegExp(value)) return this.#pattern(value.source, value.flags, place);
    if (types.isDate(value)) return this.#print(printDate(value, place), place, depth);
    if (isList(value)) return this.#printList(value, place, depth);
    if (!isPlain(value)) throw refused(place, `is ${describe(value)}, which no record can hold`);
    return `{${this.#fields(value, place, depth).join(",")}}`;
  }

  #printList(list, place, depth) {
    const simple = simpleValues(list);
    if (simple !== null) return JSON.stringify(simple);
    const elements = Array.from(list, (element, at) => this.#print(element, `${place}[${at}]`, depth + 1));
    return `[${elements.join(",")}]`;
  }

  #fields(value, place, depth) {
    const fields = [];
    const hasPattern = Object.hasOwn(value, "$regex");
    for (const name of Object.keys(value)) {
      const inner = `${place}.${name}`;
      if (name === "$options" && hasPattern) continue;
      const isSource = name === "$regex" && typeof value[name] !== "object";
      const text =
        name === "$regex"
          ? this.#pattern(...sourceOf(value, inner, isSource), inner)
          : this.#print(value[name], inner, depth + 1);
      fields.push(`${JSON.stringify(name)}:${text}`);
    }
    return fields;
  }

  #pattern(source, flags, place) {
    try {
      // NOTE: "g" is left out: with it an expression begins where the last one ended.
      this.patterns.push(new RegExp(source, flags.replace("g", "")));
    } catch (cause) {
      throw refused(place, `is no regular expression: ${cause.message}`, cause);
    }
    return `"r${this.patterns.length - 1}"`;
  }
}

/** The values of a list as they are printed, all at once for there may be many; `null` where one of them takes more than that. */
function simpleValues(list) {
  const simple = [];
  for (const element of list) {
    if (typeof element === "string") simple.push(`s${element}`);
    else if (typeof element === "boolean" || element === null || Number.isFinite(element))
      simple.push(element);
    else return null;
  }
  return simple;
}

/** Source and flags of `$regex` and `$options`. */
function sourceOf({ $regex, $options }, place, isSource) {
  if (isSource ? typeof $regex !== "string" : !types.isRegExp($regex)) {
    throw refused(place, `takes a regular expression, or the source of one, got ${describe($regex)}`);
  }
  if ($options !== undefined && typeof $options !== "string") {
    throw refused(
      place.replace(/\$regex$/, "$options"),
      `takes flags such as "i", got ${describe($options)}`,
    );
  }
  return isSource ? [$regex, $options ?? ""] : [$regex.source, $options ?? $regex.flags];
}

function printNumber(value, place) {
  if (Number.isNaN(value)) throw refused(place, "is NaN, which no record can hold");
  // JSON text may hold numbers that are too large: to JavaScript they are Infinity.
  if (!Number.isFinite(value)) return value > 0 ? "1e400" : "-1e400";
  return JSON.stringify(value);
}

/** Records hold dates as JSON prints them. */
function printDate(value, place) {
  const text = toJSON.call(value);
  if (text === null) throw refused(place, "is an invalid Date");
  return text;
}

module.exports = { QueryText };
