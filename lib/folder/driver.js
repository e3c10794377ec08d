"use strict";

// A store in a folder, written and read natively.

const { readFolder } = require("../arguments/checks");
const { path, process } = require("../platform/builtins");
const { runBackup } = require("./backup");
const { CHECKPOINT_DUE, FOREIGN, WRITE_DUE, bufferedIn } = require("./changed");
const { AgentCheckpoint, OwnCheckpoint } = require("./checkpoint-work");
const { Checkpoints } = require("./checkpoints");
const { Fetching, readerOptions } = require("./fetching");
const { CurrentManifest, Following } = require("./following");
const { Displaced } = require("../records/displaced");
const { GroupBuffer } = require("../writing/group-buffer");
const { History } = require("../operations/history");
const { migrateInTurns } = require("../records/migration");
const { Indexes } = require("../queries/indexes");
const native = require("../native");
const { Notices } = require("../fs/notices");
const { concernedBy } = require("../records/concerned");
const { ensurePermitted } = require("../native/permission");
const { ioError, messages } = require("../errors/errors");
const { call, deleteRecord, settle, setText } = require("../errors/native");
const { backendOptions, nativeOptions, syncWithin } = require("./native-options");
const { RETRY } = require("../writing/mutation-queue");
const { NativeMeter, watched } = require("../arguments/progress");
const { Pruning } = require("./pruning");
const { folderUsage } = require("../fs/usage");
const { Records, forEachPair } = require("../records/records");
const { SharedWrite } = require("../writing/shared-write");
const { snapshotEntries } = require("../records/snapshot-stream");
const { Syncs } = require("../writing/syncs");
const { monotonicMs, setImmediate } = require("../platform/timers");
const { after, countRefusal } = require("../writing/turns");
const { now } = require("../arguments/values");
const { warn } = require("../errors/warnings");
const { walOperations, warnOfSkippedLines } = require("../operations/wal");

/** What the native side returns when another agent must be waited for. */
const NOT_NOW = -1;

/** How often the records are looked at that others have outdated meanwhile. */
const MOST_LOOKS = 3;
/** So many transactions share a lock at most. */
const MOST_ALONE = 64;
/** And for so long: other agents wait meanwhile. */
const MOST_ALONE_MS = 1;

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
  #checkpointWork;
  #pruning;
  #manifest;
  #following;
  #checked = false;
  #buffer;
  /** How changes share a write; `null` where they are buffered anyway, or a lock must be had for each. */
  #shared = null;
  /** The ids of what the batch that is being put together changes; among agents, the texts as well. */
  #batch = [];
  #batchTexts = [];
  #displaced = new Displaced();
  #syncs = null;
  /** Reads single records where nothing was loaded. */
  #fetching = new Fetching(() => FileDriver.open(this.folder, readerOptions(this.#options)));
  /** How many transactions have shared the lock that is held, and since when. */
  #alone = 0;
  #aloneSince = 0;
  /** Whether the other agents were told that an append waits. */
  #isWaiting = false;
  /** Copies under way: they know of the log's cuts only while this store has it. */
  #backups = new Set();

  /**
   * Opens the store of a folder. `backend` is an unmodified FsBackend that wants to know the folder.
   */
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
    driver.#recovery = recoveryOf(report, monotonicMs() - started);
    return driver;
  }

  /** What opening found, and what the file system has turned out to lack by now. */
  get recovery() {
    const unsupported = this.#core.lacks();
    if (unsupported.length !== (this.#recovery.unsupported?.length ?? 0)) {
      this.#recovery = Object.freeze({ ...this.#recovery, unsupported: Object.freeze(unsupported) });
    }
    return this.#recovery;
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
    });
    this.history = new History(core, options.codec);
    this.#manifest = new CurrentManifest(core);
    this.#following = new Following(core, options, {
      records: this.records,
      history: this.history,
      manifest: this.#manifest,
    });
    this.#buffer = new GroupBuffer(core, this.folder, options, () => this.#following.takeForeign());
    const told = { following: this.#following, history: this.history, manifest: this.#manifest };
    this.#checkpointWork = this.#isAgent
      ? new AgentCheckpoint(core, told)
      : new OwnCheckpoint(core, () => this.arrive(), told);
    this.#pruning = new Pruning(addon, this.folder, options.retain, (limits, progress) =>
      this.#following.changing(core.prune(limits, progress)),
    );
    this.#checkpoints = new Checkpoints(this.folder, this.#checkpointWork, () => this.#pruning.retain());
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

  // Appends

  set(id, text) {
    this.records.beforeChange(id);
    if (this.#shared?.next()) {
      const code = setText(this.#handle, id, text, now(), false);
      if (code & FOREIGN) this.#following.takeForeign();
      this.#changed(id);
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
    this.#changed(id);
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
    this.#batch = [];
    this.#batchTexts = [];
    call(() => this.#core.beginBatch());
    // NOTE: not before: from here on another thread changes nothing until the batch ends.
    try {
      this.#following.takeForeign();
    } catch (error) {
      call(() => this.#core.abandonBatch());
      throw error;
    }
    this.records.begin();
  }

  setInBatch(id, text) {
    this.records.beforeChange(id);
    setText(this.#handle, id, text, now(), false);
    this.#noteInBatch(id, text);
    this.#changed(id);
  }

  deleteInBatch(id) {
    this.records.beforeChange(id);
    deleteRecord(this.#handle, id, now(), false);
    this.#noteInBatch(id, null);
    this.#deleted(id);
  }

  #noteInBatch(id, text) {
    this.#batch.push(id);
    // Only among agents a batch may have to be put together anew.
    if (this.#isAgent) this.#batchTexts.push(text);
  }

  async commitBatch() {
    const code = this.#tryToCommit();
    return this.#afterChange(code === NOT_NOW ? await this.#commitInTurn() : code);
  }

  #tryToCommit() {
    let code;
    try {
      code = call(() => this.#core.commitBatch());
    } catch (error) {
      this.#batchTakenBack();
      throw error;
    }
    if (code !== NOT_NOW) this.records.keep();
    return code;
  }

  /** Another agent comes first: what it did may change what this batch finds, which is put together again. */
  async #commitInTurn() {
    const [ids, texts] = [this.#batch, this.#batchTexts];
    try {
      for (;;) {
        this.abandonBatch();
        await this.waitForOthers();
        this.#putTogether(ids, texts);
        const code = this.#tryToCommit();
        if (code !== NOT_NOW) return code;
      }
    } finally {
      this.letGo();
    }
  }

  /** Makes the changes of a batch again. */
  #putTogether(ids, texts) {
    this.beginBatch();
    try {
      for (const [at, id] of ids.entries()) {
        if (texts[at] === null) this.deleteInBatch(id);
        else this.setInBatch(id, texts[at]);
      }
    } catch (error) {
      this.abandonBatch();
      throw error;
    }
  }

  abandonBatch() {
    call(() => this.#core.abandonBatch());
    this.#batchTakenBack();
  }

  /** Transactions need nothing of a folder that it could lack. */
  ensureTransactions() {}

  /**
   * Runs work while no other agent writes; what they wrote before is taken over first. The lock is kept for the next work of
   * this kind, if that comes at once, but not for long.
   */
  async alone(work, isFollowed) {
    if (!this.#isAgent) return work();
    if (this.#alone === 0) {
      this.#displaced.forget();
      await this.#beginAlone();
      this.#aloneSince = monotonicMs();
    }
    this.#alone++;
    try {
      return await work();
    } finally {
      const isLong = this.#alone >= MOST_ALONE || monotonicMs() - this.#aloneSince >= MOST_ALONE_MS;
      if (isLong || !isFollowed() || this.#core.holdsAppendUp()) this.letGo();
    }
  }

  /** Whether other agents may write beside this store. */
  get sharesFolder() {
    return this.#isAgent;
  }

  /** Whether the lock is held that transactions share. */
  get keepsAgentsOut() {
    return this.#alone > 0;
  }

  /** Takes the lock alone, with what the other agents wrote. */
  async #beginAlone() {
    try {
      while (!this.#beginAloneAtOnce()) await this.#following.changing(this.#core.beginAlone());
    } catch (error) {
      this.#core.endAlone();
      throw error;
    }
  }

  #beginAloneAtOnce() {
    const isBegun = call(() => this.#core.beginAloneAtOnce());
    this.#following.takeForeign();
    return isBegun;
  }

  /** Tells the other agents that an append waits, which they let pass until `letGo()`, and waits until it can be tried again. */
  async waitForOthers() {
    if (!this.#isWaiting) {
      call(() => this.#core.appendWaits(true));
      this.#isWaiting = true;
    }
    this.#displaced.forget();
    await this.#following.waitForTurn();
  }

  /** Lets the other agents go on: gives the lock up that transactions share, and says that no append waits. */
  letGo() {
    if (this.#alone > 0) {
      this.#alone = 0;
      this.#core.endAlone();
    }
    if (this.#isWaiting) {
      this.#isWaiting = false;
      call(() => this.#core.appendWaits(false));
    }
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
  async archive(ids, period) {
    let archived;
    try {
      archived = await this.#moveToArchive(ids, period);
    } catch (error) {
      // A caller that looked meanwhile has not seen these, which are there again.
      this.records.reorder(ids);
      throw error;
    }
    this.#manifest.forget();
    if (!this.#options.skipLoad) this.history.forget();
    for (const id of archived) this.records.look(id);
    await this.#pruning.retain();
    return archived.length;
  }

  /** Returns the ids of the records that went there: among agents, one that changed meanwhile stays. */
  async #moveToArchive(ids, period) {
    const list = JSON.stringify(ids);
    if (this.#options.skipLoad) {
      await settle(call(() => this.#core.archiveAside(list, period, now())));
      this.beginBatch();
      for (const id of ids) this.deleteInBatch(id);
      await this.commitBatch(ids);
    } else if (this.#isAgent) {
      await this.#checkpoints.finish();
      return this.#checkpointWork.compact({ list, period });
    } else {
      let archiving = null;
      while (archiving === null) {
        await this.#checkpoints.finish();
        if (this.#core.hasHead()) await this.#following.changing(this.#core.replayHead());
        archiving = call(() => this.#core.archive(list, period, now()));
      }
      await this.#following.changing(archiving);
    }
    return ids;
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
    const copying = runBackup(this.#core, options);
    this.#backups.add(copying);
    const ended = () => this.#backups.delete(copying);
    copying.then(ended, ended);
    return copying;
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
  async present() {
    for (let look = 0; look < MOST_LOOKS; look++) {
      await this.catchUp();
      if (this.#core.hasHead()) await this.#following.changing(this.#core.replayHead());
      const present = call(() => this.#core.present());
      if (present !== null) return present;
      await this.#following.renewed();
    }
    // Others compact all the time.
    return this.#following.changing(this.#core.presentAnew());
  }

  /** Whether an operation that `present` shows was undone since, by this store or another process. */
  async isOutdated(present) {
    await this.catchUp();
    return present.isOutdated();
  }

  /** A number that grows when this store learns of an archive. */
  get departures() {
    // NOTE: 0.8.1 does not count archives; a record that went to the same segment before is not counted again.
    const { departures = 0, stats } = JSON.parse(this.#core.manifest());
    return departures + stats.archivedRecords;
  }

  /**
   * The ids of the records that were written to since a position, found at once; `null` if that can not be told any more, or `departures` was
   * another number then: an archive is no operation, and stands at no position.
   */
  touchedSince(position, departures) {
    if (this.departures !== departures) return null;
    const present = call(() => this.#core.present());
    if (present === null) return null;
    try {
      const past = call(() => present.pastAtOnce(position));
      try {
        return [...concernedBy(past)];
      } finally {
        past.close();
      }
    } catch (error) {
      if (error.code === "OPSLOG_POSITION_GONE") return null;
      throw error;
    } finally {
      present.close();
    }
  }

  // Reading

  get manifest() {
    return this.#manifest.get();
  }

  async loadArchive(relativePath) {
    const records = new Map();
    for (const text of await settle(this.#core.loadArchive(relativePath))) {
      forEachPair(this.#options.codec.pairs(JSON.parse(text)), (value, id) => records.set(id, value));
    }
    return records;
  }

  streamSnapshot(options) {
    return this.#entriesOf(this.manifest.currentSnapshot, options);
  }

  /** The entries of a snapshot. One that was superseded and deleted since this store looked gives way to the current one. */
  async *#entriesOf(snapshot, options) {
    for (;;) {
      try {
        // NOTE: a file that is open stays readable: only the first step can miss it.
        return yield* snapshotEntries(this.folder, snapshot, { ...options, codec: this.#options.codec });
      } catch (error) {
        if (error.code !== "ENOENT") throw error;
        await this.#following.catchUp();
        const { currentSnapshot } = this.manifest;
        if (currentSnapshot === snapshot) throw ioError(error);
        snapshot = currentSnapshot;
      }
    }
  }

  /** The position behind the last operation that the store shows; within a batch, behind the last one before it. */
  position(isInBatch) {
    this.#flushShown(isInBatch);
    return call(() => this.#core.position());
  }

  /** Writes the operations that the records show, and that are still buffered, to the log. */
  #flushShown(isInBatch) {
    if (this.#options.readOnly || isInBatch) return;
    this.arrive();
    if (this.#buffer.isWaiting) this.flush();
  }

  /** As `position()`, for listeners: with what the store knows of the operations up to there. */
  knownPosition(isInBatch) {
    this.#flushShown(isInBatch);
    return call(() => this.#core.knownPosition());
  }

  isPosition(text) {
    return native.load().isPosition(text);
  }

  /** Begins to read the history; `wanted` is what `readWanted()` made of the caller's options. */
  changes(wanted) {
    if (!this.#options.readOnly) this.flush();
    return settle(native.load().changes(this.folder, { ...wanted, writes: !this.#options.readOnly }));
  }

  /** As `changes()` of all that comes behind a known position; what was undone of what is known comes first. */
  changesBehind(known) {
    const writes = !this.#options.readOnly;
    if (writes) this.flush();
    return settle(known.changes(this.folder, writes));
  }

  /** Tells when there may be more of it. What only this store writes keeps no process alive `forListeners`. */
  notices(signal, { forListeners = false } = {}) {
    const isBackground = forListeners && !this.#isAgent && !this.#options.readOnly;
    return new Notices(path.join(this.folder, "ops"), signal, { isBackground });
  }

  walOperations() {
    return walOperations(this.folder, this.manifest, this.#options.codec);
  }

  // Closing

  async close() {
    try {
      await this.#following.idle();
      await Promise.allSettled(this.#backups);
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
    const buffered = bufferedIn(code);
    if (buffered > 0) this.#buffer.grown(buffered);
    if (!(code & CHECKPOINT_DUE)) return;
    // Not before it is certain that the change stays.
    if (buffered > 0) this.#core.hideHistory();
    this.#checkpoints.cross();
  }

  #changed(id) {
    this.#displaced.note(id, this.records.known(id));
    this.records.changed(id);
  }

  #deleted(id) {
    this.#displaced.note(id, this.records.known(id));
    this.records.deleted(id);
  }

  #batchTakenBack() {
    for (const id of this.#batch.toReversed()) this.#displaced.takeBack(id);
    this.#batch = [];
    this.#batchTexts = [];
    this.records.takeBack();
    this.history.cut(this.#core.operationCount());
  }

  #takenBack(ids) {
    const before = new Map();
    for (const id of ids.toReversed()) before.set(id, this.#displaced.takeBack(id));
    this.records.reorder(ids);
    for (const [id, object] of before) this.records.undone(id, object);
    this.history.cut(this.#core.operationCount());
  }
}

let flushesAtExit = false;

/** Has what is buffered flushed when the process exits, or this worker thread ends. */
function flushAtExit(addon, core) {
  core.flushAtExit();
  if (flushesAtExit) return;
  flushesAtExit = true;
  process.once("exit", () => addon.flushAll());
}

function recoveryOf(report, milliseconds) {
  return Object.freeze({
    skippedLines: report.skipped,
    tornBytes: report.tornBytes,
    tornPath: report.tornPath,
    indexRebuilt: report.indexRebuilt,
    milliseconds,
    ...(report.missing.length > 0 && { missingLogs: Object.freeze(report.missing.map(Object.freeze)) }),
  });
}

module.exports = { FileDriver };
