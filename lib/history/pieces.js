"use strict";

// Puts the changes of a piece together from one flat list, as src/history/print.rs makes it. V8 parses that in half the time that it
// takes for a list of changes: what several changes have in common stands there once, and of a value before only the fields
// that differ. The rest is copied, so that no two changes share an object.

const DELETE = 1;
const NOTHING_BEFORE = 2;
const FIELDS_BEFORE = 4;
const SAME_TIME = 8;
const AGENT = 16;
const CLOCK = 32;
const BATCH = 64;
const SAME_BATCH = 128;
const UNDONE = 256;

/** Values are copied level by level as deep as this, by calls within calls. */
const DEEPEST = 100;

const isObject = (value) => typeof value === "object" && value !== null;

/** Whether an object holds another one, which is its own, whatever a program has put into the prototype of all objects. */
const isInside = (holder, key) => isObject(holder[key]) && Object.hasOwn(holder, key);

/** A copy of an object that JSON.parse() made, of its uppermost level. */
const shallow = (value) => (Array.isArray(value) ? value.slice() : { ...value });

/** Copies in place what a copy holds, however deep. */
function copyInside(holder) {
  const holders = [holder];
  for (let next = holders.pop(); next !== undefined; next = holders.pop()) {
    for (const key of Object.keys(next)) {
      if (isObject(next[key])) holders.push((next[key] = shallow(next[key])));
    }
  }
  return holder;
}

function copy(value, depth) {
  if (depth === DEEPEST) return copyInside(shallow(value));
  if (Array.isArray(value)) {
    const list = value.slice();
    for (let i = 0; i < list.length; i++) if (isObject(list[i])) list[i] = copy(list[i], depth + 1);
    return list;
  }
  const object = { ...value };
  for (const key in object) if (isInside(object, key)) object[key] = copy(object[key], depth + 1);
  return object;
}

/** The value before one, of which some fields were different. */
function withFields(value, fields) {
  const before = { ...value };
  for (const key in before) {
    if (isInside(before, key) && !Object.hasOwn(fields, key)) before[key] = copy(before[key], 1);
  }
  for (const key in fields) {
    if (!Object.hasOwn(fields, key)) continue;
    if (key === "__proto__") {
      Object.defineProperty(before, key, {
        value: fields[key],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    } else before[key] = fields[key];
  }
  return before;
}

/** The changes of a piece: the JSON text of a list, or the texts of its items where it would be too long for a string. */
function parsePiece(piece) {
  const flat = typeof piece === "string" ? JSON.parse(piece) : piece.map((text) => JSON.parse(text));
  const changes = [];
  let [at, ts, batch] = [0, undefined, undefined];
  while (at < flat.length) {
    const flags = flat[at++];
    const position = flat[at++];
    if ((flags & UNDONE) !== 0) {
      changes.push({ type: "undone", position, after: flat[at++], id: flat[at++] });
      continue;
    }
    if ((flags & SAME_TIME) === 0) ts = flat[at++];
    const id = flat[at++];
    const value = (flags & DELETE) === 0 ? flat[at++] : undefined;
    let before = (flags & NOTHING_BEFORE) === 0 ? flat[at++] : null;
    if ((flags & FIELDS_BEFORE) !== 0) before = withFields(value, before);
    // NOTE: a literal for those that are frequent: fields that are added later cost each change memory of its own.
    if ((flags & (DELETE | AGENT | CLOCK | BATCH)) === BATCH) {
      if ((flags & SAME_BATCH) === 0) batch = flat[at++];
      changes.push({ position, ts, type: "set", id, value, before, batch });
      continue;
    }
    const change =
      (flags & DELETE) === 0
        ? { position, ts, type: "set", id, value, before }
        : { position, ts, type: "delete", id, before };
    if ((flags & AGENT) !== 0) change.agent = flat[at++];
    if ((flags & CLOCK) !== 0) change.clock = flat[at++];
    if ((flags & BATCH) !== 0) {
      if ((flags & SAME_BATCH) === 0) batch = flat[at++];
      change.batch = batch;
    }
    changes.push(change);
  }
  return changes;
}

module.exports = { parsePiece };
