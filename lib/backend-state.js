"use strict";

// What a store that a backend keeps holds in memory: the engine's state, and from which snapshot and which
// operations it came about, so that a refresh applies only what is new where it can.

const { randomUUID } = require("./builtins").crypto;
const { identityOf, lineOf, readOperations, Snapshots } = require("./backend-loader");
const { logVersion, newestVersion, versionOf, writtenVersion } = require("./backend-versions");
const { messages, opslogError } = require("./errors");
const { migrateFound } = require("./migration");
const { call } = require("./native-errors");

class BackendState {
  #core;
  #backend;
  #options;
  #records;
  #history;
  #snapshots;
  /** The snapshot that the engine began with, and its version. */
  #base = null;
  /** What was applied to it since, in order, for a store that takes over what others write. */
  #applied = null;
  /** The versions of the operations that were read. */
  #versions = new Set();

  constructor(core, backend, options, { records, history }) {
    this.#core = core;
    this.#backend = backend;
    this.#options = options;
    this.#records = records;
    this.#history = history;
    this.#snapshots = new Snapshots(backend);
  }

  /**
   * Brings the engine to what a manifest describes, and returns the operations of all its logs. Until all of
   * it is there, and migrated, the state stays as it was.
   */
  async load(manifest) {
    const entries = await readOperations(this.#backend, manifest);
    await this.apply(manifest, entries);
    return { entries };
  }

  /** Brings the engine to a manifest's snapshot with these operations. */
  async apply(manifest, entries) {
    if (!this.#applyMore(manifest, entries)) {
      this.#take(manifest, await this.#snapshots.load(manifest), entries);
    }
    const snapshot = this.snapshotVersion(manifest);
    this.#versions = new Set(entries.map((entry) => versionOf(entry, manifest, snapshot)));
  }

  /** The version of the snapshot that a manifest names: as it was read, or as the manifest says. */
  snapshotVersion(manifest) {
    return this.#base?.path === manifest.currentSnapshot ? this.#base.version : newestVersion(manifest);
  }

  /** The highest version of all that was read. */
  newest(manifest) {
    return Math.max(this.snapshotVersion(manifest), ...this.#versions);
  }

  /** Whether something that was read is older than the program: then a snapshot is due in which nothing is. */
  isOlder(manifest) {
    const { version } = this.#options;
    return Math.min(this.snapshotVersion(manifest), ...this.#versions) < version;
  }

  /** The version of what the program writes. Throws if not all of it can be of that. */
  oneVersion(manifest) {
    const written = writtenVersion(this.#options, this.snapshotVersion(manifest));
    if (!this.#options.versionGiven && [...this.#versions].some((version) => version !== written)) {
      throw opslogError("OPSLOG_NEWER_VERSION", messages.severalVersions(this.newest(manifest)));
    }
    return written;
  }

  /** The version of what the program writes, and operations as they are to be stored in a log of a manifest. */
  marked(operations, manifest, path) {
    const snapshot = this.snapshotVersion(manifest);
    const written = writtenVersion(this.#options, snapshot);
    const isMarked = written !== logVersion(manifest, path, snapshot);
    const mark = (operation) => (operation.op === "set" ? { ...operation, version: written } : operation);
    return { written, marked: isMarked ? operations.map(mark) : operations };
  }

  /** The store appended an operation that the engine holds already. */
  appended(operations) {
    for (const operation of operations) this.#applied?.push(identityOf(operation));
  }

  /** A snapshot of a version holds the state without some records, and all operations. */
  checkpointed(currentSnapshot, version, removed) {
    this.#core.remove(JSON.stringify(removed));
    this.#core.forgetOperations();
    for (const id of removed) this.#records.deleted(id);
    this.#history.forget();
    this.#base = { path: currentSnapshot, version };
    this.#applied &&= [];
    this.#versions.clear();
  }

  /** Lets go of everything. */
  empty() {
    this.#core.reset(this.#options.agentId);
    this.#base = null;
    this.#applied = null;
    this.#records.forget();
    this.#history.forget();
  }

  /** Raises the clock to one that was seen. Must not be called while changes can still be taken back. */
  raiseClock(clock) {
    if (!(clock > 0) || this.#options.agentId === undefined) return;
    const seen = { ts: "-", op: "delete", id: randomUUID(), prev: {}, agent: "-", clock };
    this.#core.applyLines([JSON.stringify(seen)], false, 1);
    this.#core.undo();
  }

  /** Applies what is new if all of it comes behind what is there. */
  #applyMore(manifest, entries) {
    const identities = this.#applied;
    if (identities === null || this.#base.path !== manifest.currentSnapshot) return false;
    if (!identities.every((identity, index) => entries[index]?.identity === identity)) return false;
    this.raiseClock(manifest.clock);
    const more = entries.slice(identities.length);
    if (more.length > 0) {
      const oldest = this.#oldest(manifest, more, this.#base.version);
      this.#migrating(oldest, () => this.#applyEntries(manifest, more));
    }
    for (const { identity, operation } of more) {
      identities.push(identity);
      this.#records.look(operation.id);
    }
    return true;
  }

  #applyEntries(manifest, entries, snapshot = this.#base.version) {
    const lines = entries.map((entry) => lineOf(entry, versionOf(entry, manifest, snapshot)));
    this.#core.applyLines(lines, false, snapshot);
  }

  /** Takes what was loaded as the state, in one step. */
  #take(manifest, snapshot, entries) {
    const { version, agentId, readOnly } = this.#options;
    const stored = Number.isInteger(snapshot.version) ? snapshot.version : version;
    this.#migrating(Math.min(stored, this.#oldest(manifest, entries, stored)), () => {
      this.#core.reset(agentId);
      this.raiseClock(manifest.clock);
      for (const [id, text] of snapshot.records) call(() => this.#core.load(id, text, stored));
      this.#applyEntries(manifest, entries, stored);
    });
    this.#base = { path: manifest.currentSnapshot, version: stored };
    const follows = agentId !== undefined || readOnly;
    this.#applied = follows ? entries.map(({ identity }) => identity) : null;
    this.#records.forget();
    this.#history.forget();
  }

  #oldest(manifest, entries, snapshot) {
    return Math.min(...new Set(entries.map((entry) => versionOf(entry, manifest, snapshot))));
  }

  /** Does work that brings values, and migrates those that are older than the program: all of it is done, or nothing. */
  #migrating(oldest, work) {
    if (oldest >= this.#options.version) {
      work();
      return;
    }
    this.#core.save();
    try {
      work();
      migrateFound(this.#core, this.#options.migrate);
    } catch (error) {
      this.#core.restore();
      throw error;
    }
    this.#core.forgetSaved();
  }
}

module.exports = { BackendState };
