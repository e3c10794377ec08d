"use strict";

// A store in a folder, written and read natively.

const { readFolder } = require("../arguments/checks");
const { AgentsLock } = require("./agents-lock");
const { Archiving } = require("./archiving");
const { Backups } = require("./backup");
const { Batch } = require("./batch");
const { CHECKPOINT_DUE, FOREIGN, IS_FAR_BEHIND, NOT_NOW, WRITE_DUE, bufferedIn } = require("./changed");
const { AgentCheckpoint, OwnCheckpoint } = require("./checkpoint-work");
const { Checkpoints } = require("./checkpoints");
const { flushAtExit } = require("./exit");
const { Fetching, readerOptions } = require("./fetching");
const { CurrentManifest, Following } = require("./following");
const { Displaced } = require("../records/displaced");
const { GroupBuffer } = require("../writing/group-buffer");
const { History } = require("../operations/history");
const { migrateInTurns } = require("../records/migration");
const { Indexes } = require("../queries/indexes");
const native = require("../native");
const { ensurePermitted } = require("../native/permission");
const { messages } = require("../errors/errors");
const { call, deleteRecord, settle, setText } = require("../errors/native");
const { backendOptions, nativeOptions, syncWithin } = require("./native-options");
const { Positions } = require("./positions");
const { Presents } = require("./presents");
const { RETRY } = require("../writing/mutation-queue");
const { NativeMeter, watched } = require("../arguments/progress");
const { Pruning } = require("./pruning");
const { Recovery } = require("./recovery");
const { folderUsage } = require("../fs/usage");
const { Records } = require("../records/records");
const { SharedWrite } = require("../writing/shared-write");
const { StoredFiles } = require("./stored-files");
const { Syncs } = require("../writing/syncs");
const { monotonicMs, setImmediate } = require("../platform/timers");
const { after, countRefusal } = require("../writing/turns");
const { now } = require("../arguments/values");
const { warn } = require("../errors/warnings");
const { warnOfSkippedLines } = require("../operations/wal");

class FileDriver {
  /** The store's folder. */
  folder;
  /** How far opening, a checkpoint or an archive has come. */
  meter;
  /** The declared indexes. */
  indexes;
  /** Appends go on while a checkpoint is written. */
  blocksAppends = false;
  #core;
  #handle;
  #recovery;
  #options;
  #backend;
  #checkpoints;
  #pruning;
  #archiving;
  #manifest;
  #following;
  #checked = false;
  #buffer;
  /** How changes share a write; `null` where they are buffered anyway, or a lock must be had for each. */
  #shared = null;
  #batch;
  #lock;
  #positions;
  #presents;
  #backups;
  #files;
  #displaced = new Displaced();
  #syncs = null;
  /** Reads single records where nothing was loaded. */
  #fetching = new Fetching(() => FileDriver.open(this.folder, readerOptions(this.#options)));

  /** Opens the store of a folder. `backend` is an unmodified FsBackend that wants to know the folder. */
  static async open(dir, options, backend) {
    const started = monotonicMs();
    const addon = native.load();
    const driver = new FileDriver();
    driver.folder = readFolder(dir, "open()");
    Indexes.check(addon, options);
    ensurePermitted(driver.folder, { write: !options.readOnly });
    driver.meter = new NativeMeter(new addon.NativeProgress());
    const opened = () => driver.#open(addon, options, backend);
    const report = await watched(options.onProgress, driver.meter, driver.folder, opened);
    driver.#recovery = new Recovery(driver.#core, report, monotonicMs() - started);
    return driver;
  }

  /** What opening found, and what the file system has turned out to lack by now. */
  get recovery() {
    return this.#recovery.get();
  }

  async #open(addon, options, backend) {
    this.#options = options;
    this.#backend = backend;
    await backend?.initialize(this.folder, backendOptions(options));
    const opening = addon.storeOpen(this.folder, nativeOptions(options), this.meter.progress);
    const core = await settle(opening, this.folder);
    this.#core = core;
    this.#handle = core.handle();
    this.indexes = new Indexes(addon, core, options, this.folder);
    this.records = new Records(core, {
      codec: options.codec,
      cacheSize: options.cacheSize,
      isSteady: () => this.#following.isSteady,
      indexes: this.indexes,
      keepsGiven: !options.readOnly,
    });
    this.history = new History(core, options.codec);
    this.#manifest = new CurrentManifest(core);
    this.#following = new Following(core, options, {
      records: this.records,
      history: this.history,
      manifest: this.#manifest,
    });
    this.#buffer = new GroupBuffer(core, this.folder, options, () => this.#following.takeForeign());
    this.#divide(addon, core, options);
    if (options.writeMode === "immediate" && options.agentId === undefined) {
      this.#shared = new SharedWrite(this.#sharedWork());
    }
    if (!options.readOnly) flushAtExit(addon, core);
    const report = JSON.parse(core.report());
    try {
      if (syncWithin(options) >= 0) {
        this.#syncs = new Syncs(core, this.folder, options.durability === "always");
      }
      if (report.needsMigration) await this.#migrate();
      await this.indexes.begin();
    } catch (error) {
      await core.close();
      throw error;
    }
    for (const log of report.missing) warn(messages.missingLog(log));
    const torn = report.tornLine ? [{ path: report.wal }] : [];
    if (!options.skipLoad) warnOfSkippedLines([...report.skipped, ...torn]);
    return report;
  }

  /** Makes the parts that carry out what the store is called for. */
  #divide(addon, core, { codec, readOnly, retain, skipLoad }) {
    const isAgent = this.#isAgent;
    const store = {
      records: this.records,
      history: this.history,
      manifest: this.#manifest,
      following: this.#following,
      displaced: this.#displaced,
      isAgent,
      skipLoad,
    };
    this.#lock = new AgentsLock(core, store);
    this.#batch = new Batch(core, { ...store, lock: this.#lock }, (id, text) =>
      this.#changeInBatch(id, text),
    );
    this.#presents = new Presents(core, this.#following, () => this.catchUp());
    this.#positions = new Positions(addon, core, {
      folder: this.folder,
      readOnly,
      isAgent,
      flush: () => this.flush(),
      flushShown: () => this.#flushShown(),
    });
    this.#backups = new Backups(core);
    this.#files = new StoredFiles(core, this.folder, { ...store, codec });
    const checkpointWork = isAgent
      ? new AgentCheckpoint(core, store)
      : new OwnCheckpoint(core, () => this.arrive(), store);
    this.#pruning = new Pruning(addon, this.folder, retain, (limits, progress) =>
      this.#following.changing(core.prune(limits, progress)),
    );
    this.#checkpoints = new Checkpoints(this.folder, checkpointWork, () => this.#pruning.retain());
    this.#archiving = new Archiving(core, store, {
      checkpoints: this.#checkpoints,
      checkpointWork,
      pruning: this.#pruning,
      deleteAll: (ids) => this.#deleteAll(ids),
    });
  }

  // Appends

  /** Sets a record to a text; `object` is its value, if that is to be kept. */
  set(id, text, object) {
    this.records.beforeChange(id);
    if (this.#shared?.next()) {
      const code = setText(this.#handle, id, text, now(), false);
      if (code & FOREIGN) this.#following.takeForeign();
      this.#changed(id, object);
      return this.#shared.join(id, code & (CHECKPOINT_DUE | WRITE_DUE));
    }
    let code;
    try {
      code = setText(this.#handle, id, text, now(), this.#check());
    } catch (error) {
      this.#refused();
      throw error;
    }
    if (code === NOT_NOW) return this.#comesLater();
    this.#changed(id, object);
    this.#afterAppend(code, id);
    return this.#arrival();
  }

  delete(id) {
    this.records.beforeChange(id);
    if (this.#shared?.next()) {
      const code = deleteRecord(this.#handle, id, now(), false);
      if (code & FOREIGN) this.#following.takeForeign();
      this.#deleted(id);
      return this.#shared.join(id, code & (CHECKPOINT_DUE | WRITE_DUE));
    }
    let code;
    try {
      code = deleteRecord(this.#handle, id, now(), this.#check());
    } catch (error) {
      this.#refused();
      throw error;
    }
    if (code === NOT_NOW) return this.#comesLater();
    this.#deleted(id);
    this.#afterAppend(code, id);
    return this.#arrival();
  }

  /** A change must wait for another agent. What it came upon shows from now on. */
  #comesLater() {
    this.#following.takeForeign();
    return RETRY;
  }

  beginBatch() {
    this.#batch.begin();
  }

  setInBatch(id, text, object) {
    this.records.beforeChange(id);
    setText(this.#handle, id, text, this.#batch.ms, false);
    this.#batch.note(id, text);
    this.#changed(id, object);
  }

  deleteInBatch(id) {
    this.records.beforeChange(id);
    deleteRecord(this.#handle, id, this.#batch.ms, false);
    this.#batch.note(id, null);
    this.#deleted(id);
  }

  #changeInBatch(id, text) {
    if (text === null) this.deleteInBatch(id);
    else this.setInBatch(id, text);
  }

  async commitBatch() {
    const code = this.#batch.tryToCommit();
    return this.#afterChange(code === NOT_NOW ? await this.#batch.commitInTurn() : code);
  }

  abandonBatch() {
    this.#batch.abandon();
  }

  /** Transactions need nothing of a folder that it could lack. */
  ensureTransactions() {}

  /** Runs work while no other agent writes. */
  alone(work, isFollowed) {
    return this.#lock.alone(work, isFollowed);
  }

  /** Whether other agents may write beside this store. */
  get sharesFolder() {
    return this.#isAgent;
  }

  /** Whether the lock is held that transactions share. */
  get keepsAgentsOut() {
    return this.#lock.isHeld;
  }

  waitForOthers() {
    return this.#lock.waitForOthers();
  }

  letGo() {
    this.#lock.letGo();
  }

  flush() {
    this.#buffer.flush();
  }

  /** What a batch, undo or archive that was just made waits for. */
  written() {
    return this.#syncs?.written();
  }

  /** What a call that asks for durability waits for. */
  synced() {
    return this.#syncs?.all();
  }

  // Mutations that nothing overtakes

  /** Every append that was called arrives, if it has not yet. */
  settled() {
    this.arrive();
  }

  /** As settled(), at once. */
  arrive() {
    this.#shared?.settle();
  }

  async undo(isBatch) {
    let undone;
    try {
      undone = isBatch ? null : call(() => this.#core.undo());
    } finally {
      if (this.#following.takeForeign()) this.#displaced.forget();
    }
    if (undone === null) {
      await this.#following.untilLetIn();
      undone = await this.#following.changing(isBatch ? this.#core.undoBatch() : this.#core.undoWaiting());
    }
    const ids = JSON.parse(undone);
    if (this.#isAgent) {
      this.history.forget();
      this.records.reorder(ids);
    } else {
      this.history.cut(this.#core.operationCount());
      for (const id of ids) this.records.undone(id, this.#displaced.takeBack(id));
    }
    return ids.length > 0;
  }

  checkpoint() {
    return this.#checkpoints.request();
  }

  /** Moves records to an archive segment; returns how many. */
  archive(ids, period) {
    return this.#archiving.run(ids, period);
  }

  /** Deletes records in a batch. */
  #deleteAll(ids) {
    this.beginBatch();
    for (const id of ids) this.deleteInBatch(id);
    return this.commitBatch();
  }

  /** Reads a record that was not loaded. A writer sees what is in the files by now, a reader what was at its last look. */
  async fetch(id) {
    if (!this.#options.readOnly) {
      this.flush();
      this.#fetching.outdate();
    }
    return this.#fetching.fetch(id);
  }

  /** Returns what others wrote since the last look, also what was come upon in between. */
  follow() {
    this.#displaced.forget();
    this.#fetching.outdate();
    return this.#following.follow();
  }

  refresh() {
    this.#displaced.forget();
    this.#fetching.outdate();
    return this.#following.refresh();
  }

  /** Takes over what others wrote. */
  catchUp() {
    this.#displaced.forget();
    return this.#following.catchUp();
  }

  /** Copies the store as it is from now on into a folder. Appends and checkpoints go on meanwhile. */
  backup(options) {
    ensurePermitted(options.folder, { write: true });
    if (!this.#options.readOnly) this.flush();
    return this.#backups.run(options);
  }

  /** Deletes history. Appends go on meanwhile, and checkpoints wait. */
  prune(request) {
    return this.#checkpoints.aside(() => this.#pruning.run(request));
  }

  /** How many bytes the folder has, and for what. */
  usage() {
    return folderUsage(this.folder);
  }

  // History

  /** All records as they are now, for finding those of an earlier place. */
  present() {
    return this.#presents.take();
  }

  /** Whether an operation that `present` shows was undone since, by this store or another process. */
  isOutdated(present) {
    return this.#presents.isOutdated(present);
  }

  /** The ids of the records that were written to or archived since a position; `null` if that cannot be told any more. */
  touchedSince(position) {
    return this.#presents.touchedSince(position);
  }

  // Reading

  get manifest() {
    return this.#manifest.get();
  }

  loadArchive(relativePath) {
    return this.#files.archive(relativePath);
  }

  streamSnapshot(options) {
    return this.#files.snapshot(options);
  }

  position(isInBatch) {
    return this.#positions.current(isInBatch);
  }

  /** Writes the operations that the records show, and that are still buffered, to the log. */
  #flushShown() {
    this.arrive();
    if (this.#buffer.isWaiting) this.flush();
  }

  knownPosition(isInBatch) {
    return this.#positions.known(isInBatch);
  }

  isPosition(text) {
    return this.#positions.isPosition(text);
  }

  changes(wanted) {
    return this.#positions.changes(wanted);
  }

  changesBehind(known) {
    return this.#positions.changesBehind(known);
  }

  notices(signal, { forListeners = false } = {}) {
    return this.#positions.notices(signal, forListeners);
  }

  walOperations() {
    return this.#files.operations();
  }

  // Closing

  async close() {
    try {
      await this.#following.idle();
      await this.#backups.ended();
      if (!this.#options.readOnly) await this.#writeLast();
    } finally {
      // A flush that failed would be tried again.
      this.#buffer.stop();
      await this.#checkpoints.finish();
      await this.indexes.stop();
      await this.#fetching.close();
      await settle(this.#core.close());
      await this.#backend?.shutdown();
    }
  }

  async #writeLast() {
    try {
      this.flush();
      await this.#checkpoints.finish();
      const { checkpointOnClose, checkpointOnCloseGiven } = this.#options;
      if (checkpointOnClose && this.#core.isDueOnClose(checkpointOnCloseGiven)) await this.checkpoint();
    } catch (error) {
      // What was acknowledged is in the logs: the newer program takes it along.
      if (error.code !== "OPSLOG_NEWER_VERSION") throw error;
    } finally {
      // Those who wait hear of it before close() settles, whatever else fails.
      await this.synced();
    }
  }

  async #migrate() {
    const { migrate, readOnly } = this.#options;
    // In memory first: where a record cannot be migrated, nothing is written.
    await migrateInTurns(this.#core, migrate, this.meter);
    if (readOnly) return;
    if (!this.#isAgent) return void (await this.checkpoint());
    // Others may write, or migrate, meanwhile: what they logged in the older version takes another compaction.
    for (await this.refresh(); this.#core.hasOlderFiles(); await this.refresh()) await this.checkpoint();
  }

  get #isAgent() {
    return this.#options.agentId !== undefined && !this.#options.readOnly;
  }

  #sharedWork() {
    return {
      begin: () => call(() => this.#core.beginShared()),
      commit: () => call(() => this.#core.commitShared()),
      done: (code, operations) => {
        this.#afterChange(code);
        return this.written() ?? after(operations);
      },
      lost: (ids) => {
        countRefusal();
        this.#takenBack(ids);
      },
    };
  }

  /** What a change waits for that was just made: for nothing, if it is only in the buffer. */
  #arrival() {
    return this.#options.writeMode === "immediate" ? this.#syncs?.written() : undefined;
  }

  /** A change was refused, perhaps by the look at the file: the next one looks again, and is not held unlooked. */
  #refused() {
    this.#checked = false;
    this.#shared?.interrupt();
    this.#following.takeForeign();
  }

  /** Whether the held file is to be compared with its path: once in a turn of the event loop. */
  #check() {
    if (this.#checked) return false;
    this.#checked = true;
    setImmediate(() => {
      this.#checked = false;
    });
    return true;
  }

  #afterAppend(code, id) {
    try {
      this.#afterChange(code);
    } catch (error) {
      // The buffer is full and cannot be flushed: this change was not taken, those before it wait.
      this.#core.takeBack();
      this.#takenBack([id]);
      throw error;
    }
  }

  /** Looks at what a change brought with it: a checkpoint that is due, a buffer that is full. */
  #afterChange(code) {
    if (code & FOREIGN) {
      this.#displaced.forget();
      this.#following.takeForeign();
    }
    if (code & IS_FAR_BEHIND) this.#lock.readAhead();
    const buffered = bufferedIn(code);
    if (buffered > 0) this.#buffer.grown(buffered);
    if (!(code & CHECKPOINT_DUE)) return;
    // Not before it is certain that the change stays.
    if (buffered > 0) this.#core.hideHistory();
    this.#checkpoints.cross();
  }

  #changed(id, object) {
    this.#displaced.note(id, this.records.known(id));
    this.records.changed(id, object);
  }

  #deleted(id) {
    this.#displaced.note(id, this.records.known(id));
    this.records.deleted(id);
  }

  #takenBack(ids) {
    const before = new Map();
    for (const id of ids.toReversed()) before.set(id, this.#displaced.takeBack(id));
    this.records.reorder(ids);
    for (const [id, object] of before) this.records.undone(id, object);
    this.history.cut(this.#core.operationCount());
  }
}

module.exports = { FileDriver };
