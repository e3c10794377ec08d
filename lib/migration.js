"use strict";

// Brings every record to the current schema version, in memory. Nothing is written here.

const { opslogError } = require("./errors");
const { call, getText } = require("./native-errors");
const { parseList } = require("./pass");
const { forEachPair } = require("./records");
const { loopTurn } = require("./timers");
const { toText } = require("./values");

function migrateRecord(core, id, record, migrate, from) {
  const migrated = migrate(record, from);
  if (typeof migrated?.then === "function") {
    Promise.resolve(migrated).catch(() => {});
    const message = "option migrate must return the record itself, not a promise";
    throw opslogError("OPSLOG_INVALID_ARGUMENT", message, { kind: "TypeError" });
  }
  const text = toText(id, migrated);
  call(() => core.replace(id, text));
}

/** Migrates all records. Throws what `migrate` throws, and if it returns what cannot be stored. */
function migrateAll(core, migrate, from, version) {
  for (let text = core.scan(true); text !== null; text = core.scan(false)) {
    forEachPair(parseList(core, text), (record, id) => migrateRecord(core, id, record, migrate, from));
  }
  core.setVersion(version);
}

/** The same, with turns of the event loop between blocks of records, in which a meter of it can be read. */
async function migrateAllInTurns(core, migrate, { from, version }, meter) {
  let done = 0;
  meter.begin("migrate", core.count());
  for (let text = core.scan(true); text !== null; text = core.scan(false)) {
    forEachPair(parseList(core, text), (record, id) => {
      migrateRecord(core, id, record, migrate, from);
      done++;
    });
    meter.reach(done);
    await loopTurn();
  }
  core.setVersion(version);
  meter.end();
}

/** Migrates records that came from a store of the old version. */
function migrateSome(core, ids, migrate, from) {
  for (const id of ids) {
    const text = getText(core.handle(), id);
    if (text !== null) migrateRecord(core, id, text === "" ? undefined : JSON.parse(text), migrate, from);
  }
}

module.exports = { migrateAll, migrateAllInTurns, migrateSome };
