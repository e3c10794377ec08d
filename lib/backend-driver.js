"use strict";

// A store whose bytes a StorageBackend keeps. The native engine drafts the lines and holds the state; the
// backend, driven through its methods alone, carries them. Also drives a folder of agents.

const { BackendLog } = require("./backend-log");
const { loadState, toLines } = require("./backend-loader");
const { createStore, newestName, publishCheckpoint, registerAgent } = require("./backend-manifest");
const { messages, opslogError } = require("./errors");
const { FsBackend } = require("./fs-backend");
const { History } = require("./history");
const { migrateAll } = require("./migration");
const native = require("./native");
const { call, deleteRecord, setText } = require("./native-errors");
const { Records } = require("./records");
const { now } = require("./values");

class BackendDriver {
  #core;
  #backend;
  #options;
  #log;
  #lock = null;
  #version;
  #onDue;
  #manifest = null;
  /** The newest millisecond in the name of a file that this store has seen. */
  #newest = 0;
  recovery = null;
  /** A checkpoint through a backend holds up the appends behind it. */
  blocksAppends = true;

  /** Opens a store through a backend. `onDue` is called when a checkpoint is due. */
  static async open(dir, options, backend, onDue) {
    const core = native.load().storeDetached(options.agentId, options.version);
    const driver = new BackendDriver();
    driver.#core = core;
    driver.#backend = backend;
    driver.#options = options;
    driver.#onDue = onDue;
    driver.#version = options.version;
    driver.records = new Records(core);
    driver.history = new History(core);
    driver.#log = new BackendLog(
      core,
      options,
      (operations) => driver.#append(operations),
      (ids, reordered) => {
        if (reordered) driver.#takenBack(ids);
        else for (const id of ids) driver.records.look(id);
      },
    );
    const started = performance.now();
    await backend.initialize(dir, { readOnly: options.readOnly });
    try {
      await driver.#open();
    } catch (error) {
      await driver.#release().catch(() => {});
      throw error;
    }
    driver.recovery = Object.freeze({
      skippedLines: [],
      tornBytes: 0,
      tornPath: null,
      indexRebuilt: false,
      milliseconds: performance.now() - started,
    });
    return driver;
  }

  // Appends

  async set(id, text) {
    await this.#log.add(id, text);
    this.#checkDue();
  }

  async delete(id) {
    await this.#log.add(id, null);
    this.#checkDue();
  }

  beginBatch() {
    call(() => this.#core.beginBatch());
  }

  setInBatch(id, text) {
    setText(this.#core, id, text, now(), false);
    this.records.changed(id);
  }

  deleteInBatch(id) {
    deleteRecord(this.#core, id, now(), false);
    this.records.deleted(id);
  }

  async commitBatch(ids) {
    if (ids.length > 0) {
      try {
        const operations = this.#core.lastLines(ids.length).map((line) => JSON.parse(line));
        if (this.#backend instanceof FsBackend && operations.length > 1) {
          for (const operation of operations) operation.batch = "more";
          operations.at(-1).batch = "last";
        }
        await this.#log.flush();
        await this.#append(operations);
      } catch (error) {
        this.abandonBatch(ids);
        throw error;
      }
    }
    this.#core.commitBatch();
    this.#checkDue();
  }

  abandonBatch(ids) {
    this.#core.abandonBatch();
    this.#takenBack(ids);
  }

  async flush() {
    await this.#log.flush();
  }

  // Mutations that nothing overtakes

  async settled() {
    await this.#log.settled();
  }

  async undo() {
    if (this.#options.agentId !== undefined) return this.#undoOfAgent();
    if (this.#core.operationCount() === 0) return false;
    const wasBuffered = this.#log.isBuffered && (await this.#log.takeBack());
    if (!wasBuffered && !(await this.#backend.truncateLastOp(this.manifest.activeOps))) return false;
    const undone = call(() => this.#core.undo());
    this.history.cut(this.#core.operationCount());
    for (const id of JSON.parse(undone)) this.records.look(id);
    return true;
  }

  async checkpoint() {
    await this.#checkpoint(new Set());
  }

  async archive(ids, period) {
    await this.#log.flush();
    const archived = new Map(ids.map((id) => [id, this.records.get(id)]));
    const known = await this.#archivedBefore(period);
    const path = await this.#backend.writeArchiveSegment(period, archived);
    const added = ids.filter((id) => !known.has(id)).length;
    const { archiveSegments, stats } = this.manifest;
    const changes = {
      archiveSegments: archiveSegments.includes(path) ? archiveSegments : [...archiveSegments, path],
      archivedRecords: stats.archivedRecords + added,
    };
    if (this.#options.skipLoad) {
      await this.#archiveAside(ids, changes);
      return;
    }
    if (!(await this.#checkpoint(new Set(ids), changes))) {
      throw opslogError("OPSLOG_LOCKED", messages.compactionLocked());
    }
    this.#core.remove(JSON.stringify(ids));
    for (const id of ids) this.records.deleted(id);
  }

  async follow() {
    const { agentId, readOnly } = this.#options;
    if (agentId === undefined && !readOnly) return [];
    const known = new Set(this.history.all().map(identity));
    await this.refresh();
    return this.history.all().filter((operation) => !known.has(identity(operation)));
  }

  /** Reads everything anew. Until all of it is there, reads see what they saw. */
  async refresh() {
    const manifest = await this.#backend.readManifest();
    if (!manifest) throw opslogError("OPSLOG_CORRUPT", messages.manifestMissing());
    await this.#take(manifest, await loadState(this.#backend, manifest, this.#options));
    await this.#register();
  }

  // Reading

  async loadArchive(relativePath) {
    return this.#backend.loadArchiveSegment(relativePath);
  }

  async *streamSnapshot({ signal } = {}) {
    signal?.throwIfAborted();
    const { records } = await this.#backend.loadSnapshot(this.manifest.currentSnapshot);
    for (const entry of records) {
      signal?.throwIfAborted();
      yield entry;
    }
  }

  async *walOperations() {
    const { lines, merge } = await toLines(this.#backend, this.manifest);
    const shown = native.load().storeDetached(undefined, 1);
    shown.applyLines(lines, merge);
    yield* new History(shown).all();
  }

  // Closing

  async close() {
    const { readOnly, checkpointOnClose } = this.#options;
    try {
      if (!readOnly) {
        await this.#log.flush();
        if (checkpointOnClose && this.#core.operationCount() > 0) await this.#checkpoint(new Set());
      }
    } finally {
      this.#log.stop();
      await this.#release();
    }
  }

  async #open() {
    const { readOnly, agentId, skipLoad, version } = this.#options;
    if (!readOnly && agentId === undefined) this.#lock = await this.#backend.acquireLock();
    const manifest = await this.#backend.readManifest();
    if (!manifest) {
      if (readOnly) throw opslogError("OPSLOG_NO_STORE", messages.noStore());
      this.manifest = await createStore(this.#backend, version, agentId);
    } else if (skipLoad) {
      this.manifest = manifest;
      await this.#register();
    } else {
      const state = await loadState(this.#backend, manifest, this.#options);
      await this.#take(manifest, state);
      await this.#register();
      // Without an agentId there is one writer, which takes over what the agents left.
      const taken = agentId === undefined && manifest.activeAgentOps !== undefined;
      if (!readOnly && (state.migrateFrom !== undefined || taken)) await this.#checkpoint(new Set());
    }
    await this.#backend.getManifestVersion?.();
  }

  /** Takes what was loaded as the state, in one step. */
  async #take(manifest, state) {
    const { migrate, version, agentId } = this.#options;
    this.#core.reset(agentId);
    for (const [id, text] of state.records) call(() => this.#core.replace(id, text));
    this.#core.applyLines(state.lines, state.merge);
    this.#version = Math.max(version, state.version);
    if (state.migrateFrom !== undefined) migrateAll(this.#core, migrate, state.migrateFrom, version);
    this.manifest = manifest;
    this.records.forget();
    this.history.forget();
  }

  async #register() {
    const { agentId, readOnly } = this.#options;
    if (agentId === undefined || readOnly) return;
    this.manifest = await registerAgent(this.#backend, this.manifest, agentId, this.#newest);
  }

  get manifest() {
    return this.#manifest;
  }

  set manifest(manifest) {
    this.#manifest = manifest;
    this.#newest = Math.max(this.#newest, newestName(manifest));
  }

  get #activeOps() {
    const { agentId } = this.#options;
    return agentId === undefined ? this.manifest.activeOps : this.manifest.activeAgentOps[agentId];
  }

  async #append(operations) {
    await this.#backend.appendOps(this.#activeOps, operations);
  }

  #checkDue() {
    if (this.#options.skipLoad || this.#core.operationCount() < this.#options.checkpointThreshold) return;
    this.#core.hideHistory();
    this.history.forget();
    this.#onDue();
  }

  async #undoOfAgent() {
    const { agentId } = this.#options;
    const own = this.history.all().filter((operation) => operation.agent === agentId);
    if (own.length === 0) return false;
    if (!(await this.#backend.truncateLastOp(this.#activeOps))) return false;
    await this.refresh();
    return true;
  }

  async #archivedBefore(period) {
    const path = this.manifest.archiveSegments.find((segment) => segment.endsWith(`archive-${period}.json`));
    return path === undefined ? new Map() : this.#backend.loadArchiveSegment(path);
  }

  async #archiveAside(ids, { archiveSegments, archivedRecords }) {
    const manifest = { ...this.manifest, archiveSegments };
    manifest.stats = { ...manifest.stats, archivedRecords };
    await this.#backend.writeManifest(manifest);
    this.manifest = manifest;
    this.beginBatch();
    for (const id of ids) this.deleteInBatch(id);
    await this.commitBatch(ids);
  }

  /** Writes a checkpoint without some records. Returns whether it could: another agent may be compacting. */
  async #checkpoint(without, changes = {}) {
    const { agentId } = this.#options;
    let lock = null;
    try {
      await this.#log.flush();
      if (agentId !== undefined) {
        try {
          lock = await this.#backend.acquireCompactionLock();
        } catch {
          this.#core.showHistory();
          return false;
        }
        // What other agents wrote since the last look belongs into the snapshot as well.
        await this.refresh();
      }
      const records = new Map(this.records.entries().filter(([id]) => !without.has(id)));
      this.manifest = await publishCheckpoint(this.#backend, this.manifest, {
        records,
        version: this.#version,
        agentId,
        newest: this.#newest,
        ...changes,
      });
      this.#core.forgetOperations();
    } catch (error) {
      this.#core.showHistory();
      throw error;
    } finally {
      this.history.forget();
      if (lock !== null) await this.#backend.releaseCompactionLock(lock);
    }
    return true;
  }

  async #release() {
    const lock = this.#lock;
    this.#lock = null;
    try {
      if (lock !== null) await this.#backend.releaseLock(lock);
    } finally {
      await this.#backend.shutdown();
    }
  }

  #takenBack(ids) {
    this.records.reorder(ids);
    this.history.cut(this.#core.operationCount());
  }
}

/** What tells an operation from others of the same log. */
function identity({ agent, clock, ts, op, id }) {
  return agent === undefined ? JSON.stringify([ts, op, id]) : JSON.stringify([agent, clock]);
}

module.exports = { BackendDriver };
