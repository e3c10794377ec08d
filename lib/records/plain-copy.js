"use strict";

// A copy of a value that is the same as what JSON would make of the value's text, made without that text. Only of plain objects and
// lists of what JSON can hold; for others there is none. What a getter or a Proxy returns is asked for once.

const { getPrototypeOf, getOwnPropertySymbols, hasOwn } = Object;
const { isArray } = Array;
/** What is nested deeper than this, or has more values than this, is not copied. */
const DEEPEST = 16;
const MOST = 1000;
/** A shorter string is no part of another one in V8. */
const SHORTEST_PART = 13;
const NONE = Symbol("none");

let left = 0;

/** A string of its own: part of a longer one, as slice() and split() make it, would keep that in memory. */
function ownString(text) {
  // NOTE: V8 makes one string of the two before it takes a part of it.
  return text.length < SHORTEST_PART ? text : (" " + text).slice(1);
}

/** The copy of a field's value; `NONE` if there is none. In JSON, a number that is not finite is `null`, and -0 is 0. */
function copyField(value, known, depth) {
  switch (typeof value) {
    case "string":
      return value === known ? known : ownString(value);
    case "boolean":
      return value;
    case "number":
      return value - value === 0 ? value + 0 : NONE;
    case "object":
      return value === null ? null : copyNested(value, known, depth + 1);
    default:
      return NONE;
  }
}

/** `known` is what holds strings of its own in the same places, if anything does. */
function copyNested(value, known, depth) {
  if (depth > DEEPEST || value.toJSON !== undefined) return NONE;
  const held = typeof known === "object" && known !== null ? known : undefined;
  if (isArray(value)) return copyList(value, held, depth);
  return getPrototypeOf(value) === Object.prototype ? copyObject(value, held, depth) : NONE;
}

function copyList(value, known, depth) {
  if (getPrototypeOf(value) !== Array.prototype) return NONE;
  // NOTE: asked for once, as JSON does: a getter may change it.
  const { length } = value;
  if (length > left) return NONE;
  const copy = [];
  for (let at = 0; at < length; at++) {
    const field = copyField(value[at], known?.[at], depth);
    if (field === NONE || --left < 0) return NONE;
    copy.push(field);
  }
  return copy;
}

function copyObject(value, known, depth) {
  // NOTE: made in one go, an object takes less time than one that is made field by field.
  const copy = { ...value };
  if (getOwnPropertySymbols(copy).length > 0) return NONE;
  for (const name in copy) {
    if (--left < 0) return NONE;
    const field = copy[name];
    const isText = typeof field === "string";
    if (isText && field.length < SHORTEST_PART) continue;
    const copied = copyField(field, known?.[name], depth);
    if (copied === NONE) return NONE;
    // NOTE: 0 and -0 are equal, and so are a string and its copy. What Object.prototype was given is no field of the object.
    if (!isText && copied === field && copied !== 0) continue;
    if (!hasOwn(copy, name)) return NONE;
    copy[name] = copied;
  }
  return copy;
}

/** The copy; `undefined` where there is none. The strings of `known`, another value, are their own, and are taken where they are equal. */
function plainCopy(value, known) {
  if (typeof value !== "object" || value === null) return undefined;
  left = MOST;
  try {
    // What a caller has written into the known object itself need not be its own.
    const copy = copyNested(value, value === known ? undefined : known, 0);
    return copy === NONE ? undefined : copy;
  } catch {
    return undefined; // a getter or a Proxy threw, and will tell JSON.stringify()
  }
}

module.exports = { plainCopy };
