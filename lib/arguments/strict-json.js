"use strict";

// The option `strictJson`: refuses what JSON.stringify would change or leave out without a word, and names where it stands.

const { types } = require("../platform/builtins").util;
const { opslogError } = require("../errors/errors");
const { describe } = require("./paths");
const { isPlainObject, tooDeep } = require("./values");

const isIdentifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function refuse(id, path, what) {
  const message = `Value of record '${id}' cannot be stored with strictJson: ${path} is ${what}`;
  throw opslogError("OPSLOG_INVALID_VALUE", message, { kind: "TypeError" });
}

/** Far more than JSON.stringify gets through. Getters may make levels without an end. */
const MOST_LEVELS = 100_000;

/**
 * Checks a value before it becomes text. What JSON.stringify refuses itself, such as a cycle or too many levels, is left to it. The walk
 * keeps a stack of its own, so that it gets as deep.
 */
function checkStrict(id, value) {
  checkScalar(id, value, "value");
  if (!isObject(value)) return;
  const ancestors = new Set([value]);
  const levels = [levelOf(id, value, "value")];
  while (levels.length > 0) {
    const level = levels[levels.length - 1];
    if (level.at === level.length) {
      levels.pop();
      ancestors.delete(level.value);
      continue;
    }
    const { value: inner, path } = nextOf(level);
    // A field that is undefined reads as undefined afterwards, too.
    if (inner === undefined && level.names !== undefined) continue;
    checkScalar(id, inner, path);
    if (!isObject(inner) || ancestors.has(inner)) continue;
    if (levels.length === MOST_LEVELS) throw tooDeep(id);
    ancestors.add(inner);
    levels.push(levelOf(id, inner, path));
  }
}

/** An object or a list on the way, none of whose values was looked at yet. */
function levelOf(id, value, path) {
  // NOTE: a list by place, so that holes are found as well.
  if (Array.isArray(value)) {
    checkList(id, value, path);
    return { value, path, names: undefined, length: value.length, at: 0 };
  }
  checkKind(id, value, path);
  const names = Object.keys(value);
  return { value, path, names, length: names.length, at: 0 };
}

/** The next value of a level, with its path. */
function nextOf(level) {
  const { value, path, names } = level;
  const at = level.at++;
  if (names === undefined) return { value: value[at], path: `${path}[${at}]` };
  return { value: value[names[at]], path: pathTo(path, names[at]) };
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/**
 * The same for a value that a replacer prints: a replacer that calls `replacer`, and judges what that returns. A Date is allowed where
 * the program makes one of its text again.
 */
function strictReplacer(id, { replacer, allowsDates }) {
  const paths = new Map();
  return function (key, value) {
    const path = pathWithin(paths, this, key);
    const given = this[key];
    const printed = replacer === undefined ? value : replacer.call(this, key, value);
    const isText = isObject(given) && typeof given.toJSON === "function";
    // NOTE: what was handed to toJSON() before the replacer saw it, and is not replaced.
    if (isText && printed === value && !(allowsDates && types.isDate(given))) checkKind(id, given, path);
    if (printed === undefined && !Array.isArray(this) && key !== "") return printed;
    checkScalar(id, printed, path);
    if (isObject(printed)) {
      if (Array.isArray(printed)) checkList(id, printed, path);
      else checkKind(id, printed, path);
      paths.set(printed, path);
    }
    return printed;
  };
}

function pathWithin(paths, holder, key) {
  const outer = paths.get(holder);
  if (outer === undefined) return "value";
  return Array.isArray(holder) ? `${outer}[${key}]` : pathTo(outer, key);
}

function checkScalar(id, value, path) {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) refuse(id, path, `${value}, which becomes null`);
      return;
    case "undefined":
    case "function":
    case "symbol":
      refuse(id, path, `${describe(value)}, which JSON has no text for`);
  }
}

function checkKind(id, value, path) {
  if (types.isDate(value)) refuse(id, path, "a Date, which becomes a string");
  if (!isPlainObject(value)) refuse(id, path, `an instance of ${nameOf(value)}, of which only fields remain`);
  if (typeof value.toJSON === "function") refuse(id, path, "an object with a method toJSON()");
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(id, path, "an object with symbols for names");
}

/** Only the elements of a list become text, and a list of a class becomes a plain one. */
function checkList(id, value, path) {
  // NOTE: Array.prototype is a list itself, in each realm; the prototype of a class is not.
  if (!Array.isArray(Object.getPrototypeOf(value)))
    refuse(id, path, `an instance of ${nameOf(value)}, of which only elements remain`);
  // A list with a hole has fewer names, and is refused for the hole.
  if (Object.keys(value).length > value.length) refuse(id, path, "a list with fields besides its elements");
}

function nameOf(value) {
  const { constructor } = Object.getPrototypeOf(value) ?? {};
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "a class";
}

function pathTo(path, name) {
  return isIdentifier.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

module.exports = { checkStrict, strictReplacer };
