"use strict";

// All records, or their ids, as the native side lists them in pieces, in a Map.

const { call } = require("../errors/native");
const { parseList, parsePiece } = require("./pass");

/** So many objects, at most, are made in one go. */
const MOST = 512;
const MISSING = Symbol("missing");

/** Fills a Map with what is listed in pieces; anew when that changes meanwhile. `null` if that is longer than `most`. */
function scanned(read, take, most = Infinity) {
  const scan = (restart) => call(() => read(restart));
  let map;
  for (let text = ""; text === "";) {
    map = new Map();
    let length = 0;
    for (text = scan(true); text; text = scan(false)) {
      length += text.length;
      if (length > most) return null;
      take(text, map);
    }
  }
  return map;
}

/** Calls `take(ids, map)` for each piece of all ids. Returns the Map. */
function scannedIds(core, take) {
  return scanned(
    (restart) => core.scanIds(restart),
    (text, map) => take(parseList(core, text), map),
  );
}

/** All records, parsed; `null` if their text is longer than `most`. */
function scannedRecords(core, codec, most) {
  return scanned(
    (restart) => core.scan(restart),
    (text, map) => {
      const [ids, values] = codec.piece(parsePiece(core, text));
      for (let i = 0; i < ids.length; i++) map.set(ids[i], values[i]);
    },
    most,
  );
}

/** Calls `found(id, value)` and `gone(id)` for the records of these ids, in pieces. */
function readEach(core, codec, ids, { found, gone }) {
  for (let at = 0; at < ids.length;) {
    const some = ids.slice(at, at + MOST);
    const list = call(() => core.valuesOf(JSON.stringify(some)));
    const [values, absent, missing] = parseList(core, list);
    for (const n of absent) values[n] = undefined;
    for (const n of missing) values[n] = MISSING;
    values.forEach((value, n) => {
      if (value === MISSING) gone(some[n]);
      else found(some[n], codec.value(value));
    });
    at += values.length;
  }
}

module.exports = { readEach, scannedIds, scannedRecords };
