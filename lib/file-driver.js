"use strict";

// A store in a folder, written and read natively.

const path = require("node:path");
const diagnostics = require("node:diagnostics_channel");
const { Checkpoints } = require("./checkpoints");
const { messages } = require("./errors");
const { History } = require("./history");
const { migrateAll, migrateSome } = require("./migration");
const native = require("./native");
const { call, deleteRecord, settle, setText } = require("./native-errors");
const { Records, forEachPair } = require("./records");
const { streamSnapshotFile } = require("./snapshot-stream");
const { now } = require("./values");

const flushFailures = diagnostics.channel("opslog:flush-failed");

class FileDriver {
  /** Appends go on while a checkpoint is written. */
  blocksAppends = false;
  #core;
  #root;
  #options;
  #backend;
  #checkpoints;
  #manifest = null;
  #checked = false;
  #timer = null;
  #migrateFrom = null;

  /** Opens the store of a folder. `backend` is an unmodified FsBackend that wants to know the folder. */
  static async open(dir, options, backend) {
    const started = performance.now();
    const addon = native.load();
    const driver = new FileDriver();
    driver.#root = path.resolve(dir);
    driver.#options = options;
    driver.#backend = backend;
    await backend?.initialize(dir, { readOnly: options.readOnly });
    const core = await settle(
      addon.storeOpen(driver.#root, {
        readOnly: options.readOnly,
        skipLoad: options.skipLoad,
        version: options.version,
        checkpointThreshold: options.checkpointThreshold,
        amortised: !options.checkpointThresholdGiven,
        buffered: options.writeMode !== "immediate",
        now: now(),
      }),
    );
    driver.#core = core;
    driver.records = new Records(core);
    driver.history = new History(core);
    driver.#checkpoints = new Checkpoints(core, driver.#root, () => driver.history.forget());
    const report = JSON.parse(core.report());
    try {
      if (report.migrate) await driver.#migrate(report.migrateFrom);
    } catch (error) {
      await core.close();
      throw error;
    }
    const malformed = report.skipped.length + (report.tornLine ? 1 : 0);
    if (!options.skipLoad) warnOfSkipped(malformed, report.wal);
    driver.recovery = recoveryOf(report, performance.now() - started);
    return driver;
  }

  // Appends

  set(id, text) {
    const code = setText(this.#core, id, text, now(), this.#check());
    this.records.changed(id);
    this.#afterAppend(code, id);
  }

  delete(id) {
    const code = deleteRecord(this.#core, id, now(), this.#check());
    this.records.deleted(id);
    this.#afterAppend(code, id);
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

  commitBatch(ids) {
    let code;
    try {
      code = call(() => this.#core.commitBatch());
    } catch (error) {
      this.#takenBack(ids);
      throw error;
    }
    this.#afterChange(code);
  }

  abandonBatch(ids) {
    call(() => this.#core.abandonBatch());
    this.#takenBack(ids);
  }

  flush() {
    this.#clearTimer();
    call(() => this.#core.flush());
  }

  // Mutations that nothing overtakes

  /** Resolves when every append that was called has arrived: natively they have by the end of the call. */
  settled() {}

  async undo() {
    const undone = call(() => this.#core.undo());
    if (undone === null) return false;
    this.history.cut(this.#core.operationCount());
    this.records.look(JSON.parse(undone));
    return true;
  }

  checkpoint() {
    const published = this.#checkpoints.request();
    return published.then(() => {
      this.#manifest = null;
    });
  }

  async archive(ids, period) {
    const list = JSON.stringify(ids);
    if (this.#options.skipLoad) {
      await settle(call(() => this.#core.archiveAside(list, period, now())));
      this.beginBatch();
      for (const id of ids) this.deleteInBatch(id);
      this.commitBatch(ids);
    } else {
      let archiving = null;
      while (archiving === null) {
        await this.#checkpoints.finish();
        archiving = call(() => this.#core.archive(list, period, now()));
      }
      await settle(archiving);
      this.history.forget();
      for (const id of ids) this.records.deleted(id);
    }
    this.#manifest = null;
  }

  async follow() {
    const followed = JSON.parse(await settle(this.#core.follow()));
    this.#manifest = null;
    this.#apply(followed);
    return followed.operations;
  }

  refresh() {
    return this.follow();
  }

  // Reading

  get manifest() {
    this.#manifest ??= JSON.parse(this.#core.manifest());
    return this.#manifest;
  }

  async loadArchive(relativePath) {
    const records = new Map();
    for (const text of await settle(this.#core.loadArchive(relativePath))) {
      forEachPair(text, (id, value) => records.set(id, value));
    }
    return records;
  }

  async *streamSnapshot(options) {
    yield* streamSnapshotFile(this.#root, this.manifest.currentSnapshot, options);
  }

  async *walOperations() {
    const relativePath = this.manifest.activeOps;
    const cursor = await settle(native.load().walCursor(this.#root, relativePath));
    for (;;) {
      const operations = JSON.parse(await settle(cursor.next()));
      if (operations.length === 0) break;
      yield* operations;
    }
    warnOfSkipped(cursor.skipped(), path.join(this.#root, relativePath));
  }

  // Closing

  async close() {
    this.#clearTimer();
    try {
      if (!this.#options.readOnly) {
        this.flush();
        await this.#checkpoints.finish();
        const { checkpointOnClose, checkpointOnCloseGiven } = this.#options;
        if (checkpointOnClose && this.#core.isDueOnClose(checkpointOnCloseGiven)) await this.checkpoint();
      }
    } finally {
      await this.#checkpoints.finish();
      await settle(this.#core.close());
      await this.#backend?.shutdown();
    }
  }

  async #migrate(from) {
    const { migrate, version, readOnly } = this.#options;
    migrateAll(this.#core, migrate, from, version);
    this.#migrateFrom = from;
    if (!readOnly) await this.checkpoint();
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
      this.records.look(id);
      this.history.cut(this.#core.operationCount());
      throw error;
    }
  }

  /** Looks at what a change brought with it: a checkpoint that is due, a buffer that is full. */
  #afterChange(code) {
    const foreign = this.#core.takeForeign();
    if (foreign !== null) for (const followed of JSON.parse(foreign)) this.#apply(followed);
    const buffered = Math.floor(code / 2);
    if (buffered > 0) this.#afterBuffering(buffered);
    if (code % 2 === 1) this.#checkpoints.cross();
  }

  #afterBuffering(buffered) {
    const { groupCommitSize, writeMode } = this.#options;
    if (buffered >= groupCommitSize) {
      try {
        this.flush();
      } catch (error) {
        if (writeMode === "group") throw error;
        this.#flushFailed(error);
      }
    } else {
      this.#flushLater();
    }
  }

  #flushLater() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      try {
        this.flush();
      } catch (error) {
        this.#flushFailed(error);
      }
    }, this.#options.groupCommitMs);
  }

  /** What is buffered stays so, and the next flush tries again. */
  #flushFailed(error) {
    flushFailures.publish({ folder: this.#root, error });
    this.#flushLater();
    this.#timer.unref?.();
  }

  #clearTimer() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #takenBack(ids) {
    this.records.reorder(ids);
    this.history.cut(this.#core.operationCount());
  }

  /** Takes over what another hand wrote. */
  #apply(followed) {
    const { operations, changed, undone, reloaded, skipped } = followed;
    warnOfSkipped(skipped.length, path.join(this.#root, this.manifest.activeOps));
    if (operations.length + changed.length + undone > 0 || reloaded) this.history.forget();
    if (this.#migrateFrom !== null) {
      const { migrate, version } = this.#options;
      if (reloaded || undone > 0) migrateAll(this.#core, migrate, this.#migrateFrom, version);
      else migrateSome(this.#core, new Set(changed), migrate, this.#migrateFrom);
    }
    if (reloaded) this.records.forget();
    else if (undone > 0) this.records.reorder(changed);
    else
      for (const { op, id } of operations) {
        if (op === "set") this.records.changed(id);
        else this.records.deleted(id);
      }
  }
}

function warnOfSkipped(count, file) {
  if (count > 0) console.error(messages.skippedLines(count, file));
}

function recoveryOf(report, milliseconds) {
  return Object.freeze({
    skippedLines: report.skipped.map((offset) => ({ path: report.wal, offset })),
    tornBytes: report.tornBytes,
    tornPath: report.tornPath,
    indexRebuilt: report.indexRebuilt,
    milliseconds,
  });
}

module.exports = { FileDriver };
