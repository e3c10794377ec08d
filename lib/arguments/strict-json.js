"use strict";

// The option `strictJson`: refuses what JSON.stringify would change or leave out without a word, and names where it stands.

const { types } = require("../platform/builtins").util;
const { opslogError } = require("../errors/errors");
const { describe } = require("./paths");

const isIdentifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function refuse(id, path, what) {
  const message = `Value of record '${id}' cannot be stored with strictJson: ${path} is ${what}`;
  throw opslogError("OPSLOG_INVALID_VALUE", message, { kind: "TypeError" });
}

/** Checks a value before it becomes text. What JSON.stringify refuses itself, such as a cycle, is left to it. */
function checkStrict(id, value) {
  walk(id, value, "value", new Set());
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
    const isText = typeof given === "object" && given !== null && typeof given.toJSON === "function";
    // NOTE: what was handed to toJSON() before the replacer saw it, and is not replaced.
    if (isText && printed === value && !(allowsDates && types.isDate(given))) checkKind(id, given, path);
    if (printed === undefined && !Array.isArray(this) && key !== "") return printed;
    checkScalar(id, printed, path);
    if (typeof printed === "object" && printed !== null) {
      if (!Array.isArray(printed)) checkKind(id, printed, path);
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

function walk(id, value, path, ancestors) {
  checkScalar(id, value, path);
  if (typeof value === "object" && value !== null && !ancestors.has(value)) {
    walkObject(id, value, path, ancestors);
  }
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

function walkObject(id, value, path, ancestors) {
  ancestors.add(value);
  if (Array.isArray(value)) {
    // NOTE: by place, so that holes are found as well.
    for (let at = 0; at < value.length; at++) walk(id, value[at], `${path}[${at}]`, ancestors);
  } else {
    checkKind(id, value, path);
    for (const name of Object.keys(value)) {
      // A field that is undefined reads as undefined afterwards, too.
      if (value[name] !== undefined) walk(id, value[name], pathTo(path, name), ancestors);
    }
  }
  ancestors.delete(value);
}

function checkKind(id, value, path) {
  if (types.isDate(value)) refuse(id, path, "a Date, which becomes a string");
  const prototype = Object.getPrototypeOf(value);
  // NOTE: an object of another realm has another Object.prototype.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain) refuse(id, path, `an instance of ${nameOf(prototype)}, of which only fields remain`);
  if (typeof value.toJSON === "function") refuse(id, path, "an object with a method toJSON()");
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(id, path, "an object with symbols for names");
}

function nameOf(prototype) {
  const { constructor } = prototype;
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "a class";
}

function pathTo(path, name) {
  return isIdentifier.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

module.exports = { checkStrict, strictReplacer };
