"use strict";

// Finds the records of an earlier place, and makes a batch that brings them back.

const { isSame } = require("../arguments/same");
const { wrongType } = require("../errors/errors");
const { isList } = require("../arguments/kinds");
const { checkNames } = require("../arguments/option-names");
const { describe } = require("../arguments/paths");
const { checkId } = require("../arguments/values");
const { call, settle } = require("../errors/native");
const { loopTurn, monotonicMs } = require("../platform/timers");
const { concernedBy } = require("../records/concerned");
const { migrateBlock } = require("../records/migration");
const { readPlace } = require("./place");

/** What takes so long is followed by another look at what came meanwhile. */
const LONG_MS = 10;

/**
 * Finds the records of a place among those of a moment, natively, and brings their values to the program's schema version. The moment is let
 * go; the caller lets go of what was found.
 */
async function findPast(present, { place, isTime }, migrate) {
  let past = null;
  try {
    past = await settle(call(() => present.past(place, isTime)));
    await migrateAll(past, migrate);
    return past;
  } catch (error) {
    past?.close();
    throw error;
  } finally {
    present.close();
  }
}

async function migrateAll(past, migrate) {
  let block = migrateBlock(past, migrate, true);
  if (block === null) return;
  for (; block !== null; block = migrateBlock(past, migrate, false)) await loopTurn();
  call(() => past.finishMigration());
}

/** What `revert()` was asked for, read at the call. `isPosition` tells whether a text is a position of the store. */
function parseRevert(options, isPosition) {
  if (typeof options !== "object" || options === null) {
    throw wrongType(`revert() takes an object with the place to go back to, got ${describe(options)}`);
  }
  checkNames(options, ["to", "ids"], "revert()");
  const { to, ids } = options;
  const where = readPlace(to, "option to", isPosition);
  // NOTE: null is refused: all records would be reverted where a list was meant.
  if (ids === undefined) return { where, ids: null };
  if (!isList(ids)) throw wrongType(`option ids must be a list of ids, got ${describe(ids)}`);
  ids.forEach(checkId);
  return { where, ids: new Set(ids) };
}

/** The function of a transaction that makes records what they were. Returns how many it changed. It works on values as JSON has them. */
function reversion(past, concerned) {
  return (tx, edits) => {
    const texts = new Map();
    let deleted = 0;
    for (const id of concerned) {
      const text = call(() => past.get(id));
      if (text === null) {
        if (!tx.has(id)) continue;
        tx.delete(id);
        deleted++;
        // NOTE: a value `undefined`, which 0.8.1 may have left, cannot be logged.
      } else if (text !== "" && !(tx.has(id) && isSame(edits.records.plain(id), JSON.parse(text)))) {
        texts.set(id, text);
      }
    }
    const changed = deleted + texts.size;
    new Setting(texts, tx, edits).setAll();
    return changed;
  };
}

/**
 * Sets records. A value that must be unique may still be that of a record which is to be set as well: it waits for that one, and where
 * each waits for another one, one of them is taken out of the store first.
 */
class Setting {
  /** Those that are still to be set: the ids and their texts. */
  #texts;
  #tx;
  #edits;
  /** Those that wait, by the id of the record that each waits for. */
  #waiting = new Map();

  constructor(texts, tx, edits) {
    this.#texts = texts;
    this.#tx = tx;
    this.#edits = edits;
  }

  setAll() {
    const ids = [...this.#texts.keys()];
    const missing = ids.filter((id) => !this.#tx.has(id));
    // NOTE: no record waits for one that is not there. Those come last, so that none of them waits, and each stands behind the one before.
    for (const id of ids) if (this.#tx.has(id)) this.#setWith(id);
    this.#setCircles(missing.length);
    for (const id of missing) this.#setWith(id);
  }

  /** Sets those that wait for each other, all but the last ones. */
  #setCircles(left) {
    while (this.#texts.size > left) {
      const inTheWay = this.#inTheWay();
      this.#tx.delete(inTheWay);
      for (const id of this.#take(inTheWay)) this.#setWith(id);
    }
  }

  /** Sets a record, and those that have waited for it. */
  #setWith(id) {
    const next = [id];
    while (next.length > 0) {
      const id = next.pop();
      if (this.#texts.has(id) && this.#set(id)) next.push(...this.#take(id));
    }
  }

  #set(id) {
    try {
      this.#edits.setText(id, this.#texts.get(id));
    } catch (error) {
      if (error.code !== "OPSLOG_NOT_UNIQUE" || !this.#texts.has(error.otherId)) throw error;
      this.#waiting.set(error.otherId, [...this.#take(error.otherId), id]);
      return false;
    }
    this.#texts.delete(id);
    return true;
  }

  #take(id) {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    return waiting;
  }

  /** A record that another one waits for. */
  #inTheWay() {
    const [id] = this.#waiting.keys();
    return id;
  }
}

/** Makes records what they were, all of them or those with some ids. `run` runs the function of a transaction. */
async function revert(driver, { where, ids, migrate }, run) {
  const wanted = (concerned) => (ids === null ? concerned : [...concerned].filter((id) => ids.has(id)));
  for (;;) {
    const { past, concerned, position } = await findBeside(driver, where, migrate);
    try {
      const work = () => {
        const since = position === null ? [] : driver.touchedSince(position);
        if (since === null) return null;
        // The last change of a record comes first in both: those that are there again come in the order in which the past has them.
        return run(reversion(past, [...wanted(new Set([...since, ...concerned]))].reverse()));
      };
      const changed = await driver.alone(work, () => false);
      if (changed !== null) return changed;
    } finally {
      past.close();
    }
  }
}

/**
 * Finds the records of a place while others write, and the ids of those that are different now. Those that others have written to since
 * `position` come to them; it is `null` where there are no others. They are to be few: they are found while all others wait.
 */
async function findBeside(driver, where, migrate) {
  const concerned = new Set();
  const find = async (place) => {
    const position = driver.sharesFolder ? driver.position(false) : null;
    const began = monotonicMs();
    const found = await findPast(await driver.present(), place, migrate);
    for (const id of concernedBy(found)) concerned.add(id);
    return { position, found, ms: monotonicMs() - began };
  };
  const first = await find(where);
  const { found: past } = first;
  let { position, ms } = first;
  try {
    // NOTE: where others write faster than this reads, more rounds bring it no nearer.
    for (let limit = Infinity; position !== null && ms > LONG_MS && ms < limit;) {
      limit = ms / 2;
      const next = await find({ place: position, isTime: false });
      next.found.close();
      ({ position, ms } = next);
    }
    return { past, concerned, position };
  } catch (error) {
    past.close();
    throw error;
  }
}

module.exports = { findPast, parseRevert, revert };
