"use strict";

// A store whose bytes a StorageBackend keeps. The native engine drafts the lines and holds the state; the
// backend, driven through its methods alone, carries them.

const { ManifestAccess } = require("./backend-access");
const { BackendAgent, Sealed } = require("./backend-agent");
const { BackendCheckpoint } = require("./backend-checkpoint");
const { KnownManifest } = require("./backend-known");
const { highestClock, readOperations } = require("./backend-loader");
const { BackendLog } = require("./backend-log");
const { emptyStore, logOf } = require("./backend-manifest");
const { BackendState } = require("./backend-state");
const { BackendTail } = require("./backend-tail");
const { newestVersion, refuseNewer } = require("./backend-versions");
const { messages, opslogError } = require("./errors");
const { FsBackend } = require("./fs-backend");
const { History } = require("./history");
const native = require("./native");
const { call, deleteRecord, setText } = require("./native-errors");
const { backendOptions } = require("./native-options");
const { Meter, watched } = require("./progress");
const { Records } = require("./records");
const { monotonicMs } = require("./timers");
const { paced } = require("./turns");
const { now } = require("./values");

const LOAD_ATTEMPTS = 5;
/** How long a store that opens waits for the compaction lock, to store what it has migrated. */
const MIGRATION_WAIT_MS = 20_000;

class BackendDriver {
  #core;
  #backend;
  #options;
  #access;
  #log;
  #state;
  #tail;
  #lock = null;
  #known = new KnownManifest();
  #checkpoints;
  #onDue;
  #batch = [];
  recovery = null;
  /** The folder, or whatever it is to the backend. */
  folder;
  /** How far opening, a checkpoint or an archive has come. */
  meter = new Meter();
  /** A checkpoint through a backend holds up the appends behind it. */
  blocksAppends = true;

  /** Opens a store through a backend. `onDue` is called when a checkpoint is due. */
  static async open(dir, options, backend, onDue) {
    const core = native.load().storeDetached(options.agentId, options.version);
    const driver = new BackendDriver();
    driver.folder = dir;
    driver.#core = core;
    driver.#backend = backend;
    driver.#options = options;
    driver.#onDue = onDue;
    driver.#access = new ManifestAccess(backend, (manifest) => driver.#guard(manifest));
    driver.#tail = new BackendTail(backend, options.agentId);
    driver.records = new Records(core, { cacheSize: options.cacheSize, isSteady: () => false });
    driver.history = new History(core);
    driver.#state = new BackendState(core, backend, options, driver);
    driver.#checkpoints = new BackendCheckpoint(backend, {
      access: driver.#access,
      known: driver.#known,
      state: driver.#state,
      records: driver.records,
      meter: driver.meter,
      agentId: options.agentId,
    });
    driver.#log = new BackendLog(core, options, {
      append: (operations) => driver.#append(operations),
      move: () => driver.#move(),
      raiseClock: (clock) => driver.#state.raiseClock(clock),
      beforeChange: (id) => driver.records.beforeChange(id),
      changed: (ids) => ids.forEach((id) => driver.records.look(id)),
      takenBack: (ids) => driver.#takenBack(ids),
    });
    const started = monotonicMs();
    await backend.initialize(dir, backendOptions(options));
    try {
      await watched(options.onProgress, driver.meter, dir, () => driver.#open());
    } catch (error) {
      await driver.#release().catch(() => {});
      throw error;
    }
    driver.recovery = Object.freeze({
      skippedLines: [],
      tornBytes: 0,
      tornPath: null,
      indexRebuilt: false,
      milliseconds: monotonicMs() - started,
    });
    return driver;
  }

  get manifest() {
    return this.#known.manifest;
  }

  // Appends

  set(id, text) {
    return paced(this.#add(id, text));
  }

  delete(id) {
    return paced(this.#add(id, null));
  }

  async #add(id, text) {
    await this.#log.add(id, text);
    this.#checkDue();
  }

  /** Among agents no call of a backend keeps others from writing between a look and a write. */
  ensureTransactions() {
    if (this.#options.agentId !== undefined) {
      throw opslogError("OPSLOG_UNSUPPORTED", messages.transactionsOfBackend());
    }
  }

  /** Runs work while nobody else writes: a single writer need not wait for that. */
  alone(work) {
    return work();
  }

  beginBatch() {
    call(() => this.#core.beginBatch());
    this.records.begin();
    this.#batch = [];
  }

  setInBatch(id, text) {
    this.#draftInBatch({ id, text, ms: now() });
  }

  deleteInBatch(id) {
    this.#draftInBatch({ id, text: null, ms: now() });
  }

  async commitBatch(ids) {
    if (ids.length > 0) {
      try {
        await this.#log.flush();
        await this.#appendBatch();
      } catch (error) {
        this.abandonBatch();
        throw error;
      }
    }
    this.#core.commitBatch();
    this.records.keep();
    this.#batch = [];
    this.#checkDue();
  }

  abandonBatch() {
    this.#core.abandonBatch();
    this.records.takeBack();
    this.history.cut(this.#core.operationCount());
  }

  async flush() {
    await this.#log.flush();
    await this.#backend.sync?.();
  }

  // What is durable is the backend's affair.
  written() {}
  synced() {}

  // Mutations that nothing overtakes

  /** What was called shows at once here. */
  arrive() {}

  async settled() {
    await this.#log.settled();
  }

  async undo() {
    this.#guard(this.manifest);
    if (this.#known.agent !== null) return this.#undoOfAgent();
    if (this.#core.operationCount() === 0) return false;
    const wasBuffered = this.#log.isBuffered && (await this.#log.takeBack());
    if (!wasBuffered && !(await this.#backend.truncateLastOp(this.manifest.activeOps))) return false;
    this.#undoInMemory();
    return true;
  }

  async checkpoint() {
    this.#guard(this.manifest);
    await this.#checkpoint();
  }

  async archive(ids, period) {
    await this.#log.flush();
    if (this.#options.skipLoad) {
      await this.#archiveAside(ids, period);
      return;
    }
    if (!(await this.#checkpoint({ ids, period }))) {
      throw opslogError("OPSLOG_LOCKED", messages.compactionLocked());
    }
  }

  async follow() {
    const { agentId, readOnly } = this.#options;
    if (agentId === undefined && !readOnly) return [];
    const entries = await this.#catchUp();
    return this.#tail.since(this.manifest, entries);
  }

  /** Takes over what others wrote. Until all of it is there, reads see what they saw. */
  async refresh() {
    if (!this.#options.readOnly) await this.#log.flush();
    const entries = await this.#catchUp();
    this.#tail.look(this.manifest, entries);
  }

  // Reading

  backup() {
    throw opslogError("OPSLOG_INVALID_ARGUMENT", messages.backupOfBackend());
  }

  async loadArchive(relativePath) {
    return this.#backend.loadArchiveSegment(relativePath);
  }

  async *streamSnapshot({ signal }) {
    signal?.throwIfAborted();
    const { records } = await this.#backend.loadSnapshot(this.manifest.currentSnapshot);
    for (const entry of records) {
      signal?.throwIfAborted();
      yield entry;
    }
  }

  async *walOperations() {
    yield* this.#tail.shown(await readOperations(this.#backend, this.manifest));
  }

  // Closing

  async close() {
    const { readOnly, checkpointOnClose } = this.#options;
    try {
      if (!readOnly) {
        await this.flush();
        if (checkpointOnClose && this.#core.operationCount() > 0) await this.#checkpointAtClose();
        await this.#heal();
      }
    } finally {
      this.#log.stop();
      await this.#release();
    }
  }

  async #checkpointAtClose() {
    try {
      await this.#checkpoint();
    } catch (error) {
      // What was acknowledged is in the logs: the newer program takes it along.
      if (error.code !== "OPSLOG_NEWER_VERSION") throw error;
    }
  }

  // Opening

  async #open() {
    const { readOnly, agentId, skipLoad } = this.#options;
    const isAgent = agentId !== undefined && !readOnly;
    if (!readOnly && !isAgent) this.#lock = await this.#backend.acquireLock();
    const found = await this.#access.read();
    if (found.manifest === null) {
      if (readOnly) throw opslogError("OPSLOG_NO_STORE", messages.noStore(), { path: this.folder });
      if (!isAgent) found.manifest = await this.#createAlone(found);
    }
    // NOTE: before an agent registers: where something cannot be read or migrated, nothing is to be written.
    const loaded = found.manifest === null || skipLoad ? null : await this.#load(found.manifest);
    if (found.manifest !== null) this.#guard(found.manifest);
    this.#known.take(found);
    if (isAgent) await this.#join();
    await this.#look(loaded);
    // Without an agentId there is one writer, which takes over what the agents left.
    const isTakeover = !readOnly && !isAgent && this.manifest.activeAgentOps !== undefined;
    if (isTakeover) await this.#takeOver();
    if (loaded !== null && !readOnly) await this.#storeMigrated();
  }

  /** Stores what was migrated, until nothing that counts is older than the program. */
  async #storeMigrated() {
    while (this.#state.isOlder(this.manifest)) {
      if (!(await this.#checkpoint(null, MIGRATION_WAIT_MS))) {
        throw opslogError("OPSLOG_LOCKED", messages.compactionLocked());
      }
      if (this.#known.agent !== null) this.#tail.look(this.manifest, await this.#catchUp());
    }
  }

  /** Refuses to write beside what a newer program has written. */
  #guard(manifest) {
    const found = Math.max(
      newestVersion(manifest),
      this.#options.skipLoad ? 1 : this.#state.newest(manifest),
    );
    refuseNewer(found, this.#options);
  }

  async #load(manifest) {
    this.meter.begin("read-snapshot", manifest.stats.activeRecords);
    const loaded = await this.#state.load(manifest);
    this.meter.end();
    return loaded;
  }

  async #createAlone(found) {
    const manifest = await emptyStore(this.#backend, this.#options.version);
    const created = await this.#access.replaceAlone(found, manifest);
    found.version = created.version;
    return created.manifest;
  }

  async #join() {
    const guard = this.#options.versionGiven ? (manifest) => this.#guard(manifest) : null;
    const agent = new BackendAgent(this.#backend, this.#access, this.#options.agentId, guard);
    await agent.open(this.#options.version);
    this.#known.agent = agent;
  }

  /** From here on, `tail()` returns what comes. An agent also takes over what came while it registered. */
  async #look(loaded) {
    const { skipLoad } = this.#options;
    let entries = loaded?.entries ?? [];
    if (this.#known.agent !== null || skipLoad) entries = await readOperations(this.#backend, this.manifest);
    if (skipLoad) this.#state.raiseClock(Math.max(this.manifest.clock ?? 0, highestClock(entries)));
    else if (this.#known.agent !== null) await this.#state.apply(this.manifest, entries);
    this.#tail.look(this.manifest, entries);
  }

  async #takeOver() {
    const { skipLoad } = this.#options;
    if (!(await this.#checkpoint())) throw opslogError("OPSLOG_LOCKED", messages.compactionLocked());
    if (skipLoad) this.#state.empty();
  }

  /** Reads the manifest anew, and what it names. Returns the operations of all logs. */
  async #catchUp() {
    for (let attempt = 1; ; attempt++) {
      const known = await this.#access.read();
      if (!known.manifest) throw opslogError("OPSLOG_CORRUPT", messages.manifestMissing());
      try {
        const { entries } = await this.#state.load(known.manifest);
        this.#known.take(known);
        await this.#heal();
        return entries;
      } catch (error) {
        // Whoever made a newer snapshot may have removed the one that was to be read.
        const { manifest } = await this.#access.read();
        const isNewer = manifest && manifest.currentSnapshot !== known.manifest.currentSnapshot;
        if (!isNewer || attempt === LOAD_ATTEMPTS) throw error;
      }
    }
  }

  // Appending

  async #append(operations) {
    const { agent } = this.#known;
    const log = agent === null ? this.manifest.activeOps : logOf(this.manifest, this.#options.agentId);
    const { marked, written } = this.#state.marked(operations, this.manifest, log);
    if (agent === null) await this.#backend.appendOps(log, marked);
    else await agent.append(marked, written);
    this.#state.appended(marked);
  }

  #draftInBatch(change) {
    const { id, text, ms } = change;
    this.records.beforeChange(id);
    if (text === null) deleteRecord(this.#core.handle(), id, ms, false);
    else setText(this.#core.handle(), id, text, ms, false);
    this.#batch.push(change);
    if (text === null) this.records.deleted(id);
    else this.records.changed(id);
  }

  async #appendBatch() {
    let first = null;
    for (;;) {
      const operations = this.#core.lastLines(this.#batch.length).map((line) => JSON.parse(line));
      if (first !== null) operations.forEach((operation, index) => (operation.again = first[index]));
      if (this.#backend instanceof FsBackend && operations.length > 1) {
        for (const operation of operations) operation.batch = "more";
        operations.at(-1).batch = "last";
      }
      try {
        await this.#append(operations);
        return;
      } catch (error) {
        if (!(error instanceof Sealed)) throw error;
      }
      first ??= operations.map(({ clock }) => clock);
      this.#redraftBatch(await this.#move());
    }
  }

  #redraftBatch(clock) {
    const batch = this.#batch;
    this.abandonBatch();
    this.#state.raiseClock(clock);
    this.beginBatch();
    for (const change of batch) this.#draftInBatch(change);
  }

  /** Goes over to the agent's new log. Returns the clock above which to go on. */
  async #move() {
    const [newest] = this.#core.lastLines(1);
    const drafted = newest === undefined ? 0 : (JSON.parse(newest).clock ?? 0);
    const pending = [];
    for (let clock = drafted; ;) {
      const moved = await this.#known.agent.move();
      pending.push(...moved.lost);
      clock = Math.max(clock, moved.clock);
      if (pending.length === 0) return clock;
      const again = pending.map((operation, index) => {
        return { ...operation, again: operation.again ?? operation.clock, clock: clock + 1 + index };
      });
      clock += again.length;
      try {
        await this.#known.agent.append(again);
        return clock;
      } catch (error) {
        if (!(error instanceof Sealed)) throw error;
      }
    }
  }

  /** Appends operations again that were acknowledged, but whose log another writer dropped by mistake. */
  async #heal() {
    if (this.#known.agent?.hasLost) this.#state.raiseClock(await this.#move());
  }

  #checkDue() {
    if (this.#options.skipLoad || this.#core.operationCount() < this.#options.checkpointThreshold) return;
    this.#core.hideHistory();
    this.history.forget();
    this.#onDue();
  }

  #takenBack(ids) {
    this.records.reorder(ids);
    this.history.cut(this.#core.operationCount());
  }

  #undoInMemory() {
    const undone = call(() => this.#core.undo());
    this.history.cut(this.#core.operationCount());
    for (const id of JSON.parse(undone)) this.records.undone(id);
  }

  async #undoOfAgent() {
    const { agentId, skipLoad } = this.#options;
    if (!this.history.all().some((operation) => operation.agent === agentId)) return false;
    if (!(await this.#known.agent.undo())) return false;
    if (skipLoad) this.#undoInMemory();
    else await this.#catchUp();
    return true;
  }

  // Checkpoints

  /** Writes a checkpoint, without the records that go to an archive. Returns whether it could. */
  async #checkpoint(archive = null, waitMs = 0) {
    try {
      await this.#log.flush();
      const done = await this.#checkpoints.make(archive, waitMs);
      if (!done) this.#core.showHistory();
      return done;
    } catch (error) {
      this.#core.showHistory();
      throw error;
    } finally {
      this.history.forget();
    }
  }

  /** Archives without a checkpoint: the records are deleted by operations. */
  async #archiveAside(ids, period) {
    const change = async (manifest) => {
      const { path, added } = await this.#checkpoints.writeArchive({ ids, period }, manifest);
      const { archiveSegments, stats } = manifest;
      return {
        ...manifest,
        archiveSegments: archiveSegments.includes(path) ? archiveSegments : [...archiveSegments, path],
        stats: { ...stats, archivedRecords: stats.archivedRecords + added },
      };
    };
    if (this.#known.agent !== null) this.#known.take(await this.#known.agent.update(change));
    else this.#known.take(await this.#access.replaceAlone(this.#known.last, await change(this.manifest)));
    this.beginBatch();
    for (const id of ids) this.deleteInBatch(id);
    await this.commitBatch(ids);
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
}

module.exports = { BackendDriver };
