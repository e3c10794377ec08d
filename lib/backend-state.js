"use strict";

// What a store that a backend keeps holds in memory: the engine's state, and from which snapshot and which
// operations it came about, so that a refresh applies only what is new where it can.

const { randomUUID } = require("./builtins").crypto;
const { identityOf, lineOf, readOperations, Snapshots } = require("./backend-loader");
const { migrateAll } = require("./migration");
const { call } = require("./native-errors");

class BackendState {
  #core;
  #backend;
  #options;
  #records;
  #history;
  #snapshots;
  /** The snapshot that the engine began with, and what was applied to it since, in order. */
  #applied = null;
  /** The schema version that all records have. */
  version;

  constructor(core, backend, options, { records, history }) {
    this.#core = core;
    this.#backend = backend;
    this.#options = options;
    this.#records = records;
    this.#history = history;
    this.#snapshots = new Snapshots(backend);
    this.version = options.version;
  }

  /**
   * Brings the engine to what a manifest describes, and returns the operations of all its logs. Until all of
   * it is there, the state stays as it was.
   */
  async load(manifest) {
    const entries = await readOperations(this.#backend, manifest);
    return { entries, isMigrated: await this.apply(manifest, entries) };
  }

  /** Brings the engine to a manifest's snapshot with these operations. Returns whether it was migrated. */
  async apply(manifest, entries) {
    if (this.#applyMore(manifest, entries)) return false;
    return this.#take(manifest, await this.#snapshots.load(manifest), entries);
  }

  /** The store appended an operation that the engine holds already. */
  appended(operations) {
    for (const operation of operations) this.#applied?.identities.push(identityOf(operation));
  }

  /** A snapshot holds the state without some records, and all operations. */
  checkpointed(currentSnapshot, removed) {
    this.#core.remove(JSON.stringify(removed));
    this.#core.forgetOperations();
    for (const id of removed) this.#records.deleted(id);
    this.#history.forget();
    this.#applied &&= { snapshot: currentSnapshot, identities: [] };
  }

  /** Lets go of everything. */
  empty() {
    this.#core.reset(this.#options.agentId);
    this.#applied = null;
    this.#records.forget();
    this.#history.forget();
  }

  /** Raises the clock to one that was seen. Must not be called while changes can still be taken back. */
  raiseClock(clock) {
    if (!(clock > 0) || this.#options.agentId === undefined) return;
    const seen = { ts: "-", op: "delete", id: randomUUID(), prev: {}, agent: "-", clock };
    this.#core.applyLines([JSON.stringify(seen)], false);
    this.#core.undo();
  }

  /** Applies what is new if all of it comes behind what is there. */
  #applyMore(manifest, entries) {
    const applied = this.#applied;
    if (applied === null || applied.snapshot !== manifest.currentSnapshot) return false;
    const { identities } = applied;
    if (!identities.every((identity, index) => entries[index]?.identity === identity)) return false;
    this.raiseClock(manifest.clock);
    const more = entries.slice(identities.length);
    if (more.length > 0) this.#core.applyLines(more.map(lineOf), false);
    for (const { identity, operation } of more) {
      identities.push(identity);
      this.#records.look(operation.id);
    }
    return true;
  }

  /** Takes what was loaded as the state, in one step. */
  #take(manifest, snapshot, entries) {
    const { migrate, version, agentId, readOnly } = this.#options;
    this.#core.reset(agentId);
    this.raiseClock(manifest.clock);
    for (const [id, text] of snapshot.records) call(() => this.#core.replace(id, text));
    this.#core.applyLines(entries.map(lineOf), false);
    this.version = Math.max(version, Number.isInteger(snapshot.version) ? snapshot.version : version);
    const isMigrated = snapshot.version < version;
    if (isMigrated) migrateAll(this.#core, migrate, snapshot.version, version);
    // What comes in later must be migrated with all the rest.
    const follows = !isMigrated && (agentId !== undefined || readOnly);
    const identities = entries.map(({ identity }) => identity);
    this.#applied = follows ? { snapshot: manifest.currentSnapshot, identities } : null;
    this.#records.forget();
    this.#history.forget();
    return isMigrated;
  }
}

module.exports = { BackendState };
