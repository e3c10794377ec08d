"use strict";

// Brings records to the schema version of the program, in memory: those that the native side says are of an older one, and
// no other. Nothing is written here.

const { opslogError } = require("../errors/errors");
const { call } = require("../errors/native");
const { parseList } = require("./pass");
const { loopTurn } = require("../platform/timers");
const { toText } = require("../arguments/values");

/** The text of a record that is to be migrated, once it is. `found` is a list of version, id, and value if there is one. */
function migratedText([from, id, record], migrate) {
  const migrated = migrate(record, from);
  if (typeof migrated?.then === "function") {
    Promise.resolve(migrated).catch(() => {});
    const message = "option migrate must return the record itself, not a promise";
    throw opslogError("OPSLOG_INVALID_ARGUMENT", message, { kind: "TypeError" });
  }
  return toText(id, migrated);
}

/** Migrates the next block of records; returns how many, `null` if there are no more. `begins` is true for the first. */
function migrateBlock(core, migrate, begins) {
  const text = call(() => core.unmigrated(begins));
  if (text === null) return null;
  const block = parseList(core, text);
  for (const found of block) {
    const migrated = migratedText(found, migrate);
    call(() => core.migrate(found[1], migrated));
  }
  return block.length;
}

/**
 * Migrates all records that are to be, at once; returns how many there were. Throws what `migrate` throws, and if it
 * returns what cannot be stored: what was not migrated then is to be migrated still.
 */
function migrateFound(core, migrate) {
  let count = 0;
  let block = migrateBlock(core, migrate, true);
  for (; block !== null; block = migrateBlock(core, migrate, false)) count += block;
  call(() => core.finishMigration());
  return count;
}

/** The same, with turns of the event loop between blocks of records, in which a meter of it can be read. */
async function migrateInTurns(core, migrate, meter) {
  let done = 0;
  meter.begin("migrate", core.count());
  let block = migrateBlock(core, migrate, true);
  for (; block !== null; block = migrateBlock(core, migrate, false)) {
    done += block;
    meter.reach(done);
    await loopTurn();
  }
  call(() => core.finishMigration());
  meter.end();
}

module.exports = { migrateBlock, migrateFound, migrateInTurns, migratedText };
