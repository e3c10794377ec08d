"use strict";

// Walks over all records that see them as they were when it began, however long it takes: pieces of JSON text, read as they are
// needed.

const { outOfRange, wrongType } = require("../errors/errors");
const { readLimit, readSignal, refusePromise } = require("../arguments/checks");
const { call, settle } = require("../errors/native");
const { checkNames } = require("../arguments/option-names");
const { describe } = require("../arguments/paths");
const { loopTurn, monotonicMs } = require("../platform/timers");

/**
 * Walks through ids, or ids and values, in the store's order. They are those of the moment of this call. Without a `codec` values are as
 * JSON has them.
 */
function walkThrough(core, { idsOnly = false, codec } = {}) {
  const walk = call(() => core.walk(idsOnly));
  return steps(walk, idsOnly ? (list) => list : (list) => pairs(list, codec));
}

/** Yields what a native walk has in each of its lists. The walk is closed at its end, or where it is left. */
function* steps(walk, entriesOf) {
  const next = () => parsed(call(() => walk.next()));
  try {
    for (let list = next(); list !== null; list = next()) yield* entriesOf(list);
  } finally {
    walk.close();
  }
}

/** Yields the ids and values of a flat list of them; `null, id` stands for a record whose value is `undefined`. */
function* pairs(list, codec) {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === null) yield [list[i + 1], undefined];
    else yield [list[i], codec === undefined ? list[i + 1] : codec.value(list[i + 1])];
  }
}

/** So long, in milliseconds, a walk goes on before other work has its turn. */
const TURN_MS = 5;

/**
 * The values for which a predicate is true, of ids and values, with turns of the event loop in between. `check` throws if that must
 * not go on.
 */
async function filterInTurns(entries, predicate, { signal, check }) {
  const found = [];
  signal?.throwIfAborted();
  try {
    let until = monotonicMs() + TURN_MS;
    for (const [id, value] of entries) {
      const isWanted = predicate(value, id);
      refusePromise(isWanted, "filterAsync()");
      if (isWanted) found.push(value);
      if (monotonicMs() < until) continue;
      await loopTurn();
      signal?.throwIfAborted();
      check();
      until = monotonicMs() + TURN_MS;
    }
  } finally {
    entries.return();
  }
  return found;
}

const BOUNDS = ["prefix", "gt", "gte", "lt", "lte"];

/** Which records scan() is to give, read at the call. */
function parseRange(options) {
  checkNames(options, [...BOUNDS, "reverse", "limit", "signal"], "scan()");
  const { reverse = false } = options ?? {};
  const range = { reverse: reverse === true, limit: readLimit(options) };
  for (const name of BOUNDS) {
    const value = options?.[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== "string") throw wrongType(`option ${name} must be a string, got ${describe(value)}`);
    range[name] = value;
  }
  if (typeof (reverse ?? false) !== "boolean")
    throw wrongType(`option reverse must be a boolean, got ${describe(reverse)}`);
  for (const [one, other] of [
    ["gt", "gte"],
    ["lt", "lte"],
  ]) {
    if (range[one] !== undefined && range[other] !== undefined) {
      throw outOfRange(`options ${one} and ${other} name the same end: give one of them`);
    }
  }
  return { range, signal: readSignal(options) };
}

/** Yields ids and values in the order of the ids, by code units. `begun` is called once they are found. Closed where it is left. */
async function* scanThrough(core, { range, signal }, { codec, begun }) {
  signal?.throwIfAborted();
  const scan = await settle(core.sorted(range));
  try {
    begun();
    for (;;) {
      signal?.throwIfAborted();
      const list = parsed(await settle(scan.next()));
      if (list === null) return;
      for (const pair of pairs(list, codec)) {
        yield pair;
        signal?.throwIfAborted();
      }
    }
  } finally {
    scan.close();
  }
}

function parsed(text) {
  return text === null ? null : JSON.parse(text);
}

module.exports = { filterInTurns, parseRange, scanThrough, walkThrough };
