"use strict";

// A store whose bytes a StorageBackend keeps. The protocols run natively; their steps are carried out here, through the
// backend's methods alone, and what they change is told to the live objects.

const { randomFillSync } = require("../platform/builtins").crypto;
const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { messages, opslogError } = require("../errors/errors");
const { History } = require("../operations/history");
const { Indexes } = require("../queries/indexes");
const native = require("../native");
const { call } = require("../errors/native");
const { backendOptions } = require("../folder/native-options");
const { Meter, watched } = require("../arguments/progress");
const { limitsOf, refuseRetention } = require("../arguments/retention");
const { FsBackend } = require("../fs/backend");
const { parseOperations } = require("../operations/texts");
const { emptyUsage, folderUsage, usageOf } = require("../fs/usage");
const { Records } = require("../records/records");
const { monotonicMs } = require("../platform/timers");
const { paced } = require("../writing/turns");
const { now } = require("../arguments/values");
const answers = require("./answers");
const { Calls, OwnCalls, refuseOwnBackend } = require("./calls");
const { ChangeBuffer } = require("./change-buffer");
const { factsOf } = require("./facts");
const { LogNotices } = require("./log-notices");
const { MemoryBackend } = require("./memory");
const { Protocols } = require("./protocols");
const { Steps } = require("./steps");

const pruneFailures = diagnostics.channel("opslog:prune-failed");
/** How long a checkpoint that was asked for waits for another agent's. */
const CHECKPOINT_WAIT_MS = 20_000;

/** So many bytes of its logs a store in memory keeps, if it is given no other limits. They are looked for at one in so many checkpoints. */
const KEPT_IN_MEMORY_BYTES = 16 << 20;
const LOOK_EVERY = 32;

/** Lets go of a list that its reader has dropped: the collector ends no generator. */
const dropped = new FinalizationRegistry(({ session, list }) => session.piece(list, true));

/** What a turn does not tell. */
const NONE = Object.freeze([]);

class BackendDriver {
  #options;
  #session;
  #calls;
  #protocols;
  #buffer;
  #core;
  #isBuffered;
  #isInMemory;
  #isInFolder;
  #retain;
  #checkpoints = 0;
  #manifest = null;
  /** When the batch began that is being put together: the time of all that it changes. */
  #batchMs = 0;
  #notices;
  recovery = null;
  /** The folder, or whatever it is to the backend. */
  folder;
  /** The declared indexes. */
  indexes;
  /** How far opening, a checkpoint or an archive has come. */
  meter = new Meter();
  /** A checkpoint through a backend holds up the appends behind it. */
  blocksAppends = true;

  /** Opens a store, `owner`, through a backend. `onDue` is called when a checkpoint is due. */
  static async open(dir, options, { backend, owner, onDue }) {
    Indexes.check(native.load(), options);
    const driver = new BackendDriver(dir, options, { backend, owner, onDue });
    const started = monotonicMs();
    await driver.#calls.run("initialize", dir, backendOptions(options));
    try {
      await watched(options.onProgress, driver.meter, dir, () => driver.#protocols.run("open"));
      await driver.indexes.begin();
    } catch (error) {
      await driver.#calls.run("shutdown").catch(() => {});
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

  constructor(dir, options, { backend, owner, onDue }) {
    this.folder = dir;
    this.#options = options;
    this.#isBuffered = options.writeMode !== "immediate";
    this.#isInMemory = backend instanceof MemoryBackend;
    this.#isInFolder = backend instanceof FsBackend;
    const facts = factsOf(backend);
    this.#retain = options.retain;
    if (this.#isInMemory) this.#retain ??= { bytes: KEPT_IN_MEMORY_BYTES };
    if (this.#retain !== undefined && !facts.deletesLogs)
      refuseRetention("the option retain", "deleteOpsFile()");
    // No other store ever sees what one in memory writes.
    const [randomHigh, randomLow] = this.#isInMemory ? [0, 0] : randomFillSync(new Uint32Array(2));
    this.#session = native.load().sessionNew(options.agentId, {
      version: options.version,
      versionGiven: options.versionGiven,
      readOnly: options.readOnly,
      skipLoad: options.skipLoad,
      buffered: this.#isBuffered,
      checkpointThreshold: options.checkpointThreshold,
      checkpointOnClose: options.checkpointOnClose && !this.#isInMemory,
      keepUndo: options.readOnly ? 0 : options.keepUndo,
      amortised: this.#isInMemory && !options.checkpointThresholdGiven,
      ...facts,
      randomHigh,
      randomLow,
    });
    this.#core = this.#session.store();
    this.indexes = new Indexes(native.load(), this.#core, options, dir);
    const { cacheSize, codec } = options;
    const isSteady = () => false;
    this.records = new Records(this.#core, { codec, cacheSize, isSteady, indexes: this.indexes });
    this.history = new History(this.#core, codec);
    this.#calls = this.#isInMemory
      ? new OwnCalls(backend)
      : new Calls(backend, owner, options.backendTimeoutMs);
    const steps = new Steps(this.#session, this.#calls, { migrate: options.migrate, records: this.records });
    const store = {
      folder: dir,
      records: this.records,
      meter: this.meter,
      sharesAppends: facts.wholeAppends,
    };
    this.#protocols = new Protocols(this.#session, steps, store, {
      turn: (told) => this.#turned(told),
      due: onDue,
      broken: () => this.#buffer.stop(),
    });
    this.#buffer = new ChangeBuffer(this.#protocols, options);
    const isOwn = options.agentId === undefined && !options.readOnly;
    this.#notices = new LogNotices(this.#isInFolder ? dir : null, { isOwn, isPrivate: this.#isInMemory });
  }

  get manifest() {
    const text = this.#session.manifest();
    if (this.#manifest?.text !== text) this.#manifest = { text, value: JSON.parse(text) };
    return this.#manifest.value;
  }

  // Appends

  set(id, text) {
    return paced(this.#change(id, text));
  }

  delete(id) {
    return paced(this.#change(id, null));
  }

  /** Among agents no call of a backend keeps others from writing between a look and a write. */
  ensureTransactions() {
    if (this.#options.agentId !== undefined) {
      throw opslogError("OPSLOG_UNSUPPORTED", messages.transactionsOfBackend());
    }
  }

  /** Runs work while no other writer does: a single writer need not wait for that. */
  alone(work) {
    return work();
  }

  beginBatch() {
    this.#batchMs = now();
    this.#session.beginBatch();
    this.records.begin();
  }

  setInBatch(id, text) {
    this.#protocols.changeInBatch(id, text, this.#batchMs);
    this.records.changed(id);
  }

  deleteInBatch(id) {
    this.#protocols.changeInBatch(id, null, this.#batchMs);
    this.records.deleted(id);
  }

  async commitBatch() {
    try {
      await this.#protocols.run("commitBatch");
    } catch (error) {
      this.#takenBack();
      throw error;
    }
    this.records.keep();
  }

  abandonBatch() {
    this.#session.abandonBatch();
    this.#takenBack();
  }

  flush() {
    return this.#buffer.flush();
  }

  // What is durable is the backend's affair.
  written() {}
  synced() {}

  // Mutations that nothing overtakes

  /** What was called shows at once here. */
  arrive() {}

  /** Resolves when everything that was called has arrived or failed, or is in the buffer to stay. */
  settled() {
    return this.#protocols.settled();
  }

  async undo(isBatch) {
    return this.#protocols.run("undo", isBatch);
  }

  async checkpoint() {
    await this.#protocols.run("checkpoint", CHECKPOINT_WAIT_MS);
    await this.#keepRetained();
  }

  /** A checkpoint that no call waits for. */
  async checkpointIfFree() {
    await this.#protocols.run("checkpoint", 0);
    await this.#keepRetained();
  }

  async archive(ids, period) {
    const count = await this.#protocols.run("archive", JSON.stringify(ids), period);
    await this.#keepRetained();
    return count;
  }

  /** Deletes what is beyond the limits that the store was opened with. A failure fails no call: the next checkpoint tries again. */
  async #keepRetained() {
    if (this.#retain === undefined) return;
    if (this.#isInMemory && this.#options.retain === undefined && ++this.#checkpoints % LOOK_EVERY !== 0)
      return;
    try {
      await this.#protocols.run("prune", {
        ...limitsOf(this.#retain),
        withSnapshots: true,
        dryRun: false,
        atOnce: true,
        now: now(),
      });
    } catch (error) {
      pruneFailures.publish({ folder: this.folder, error });
    }
  }

  async follow() {
    const told = [];
    for (const piece of this.#pieces(await this.#protocols.run("follow")))
      for (const operation of piece) told.push(operation);
    return told;
  }

  /** A list of the value of a record that was not loaded; `null` if there is none. */
  async fetch(id) {
    await this.settled();
    return this.#protocols.run("fetch", id);
  }

  /** Takes over what others wrote. Until all of it is there, reads see what they saw. */
  async refresh() {
    await this.#protocols.run("refresh");
  }

  catchUp() {
    return this.refresh();
  }

  // Reading

  /** How many bytes there are, and for what. */
  async usage() {
    if (this.#isInMemory) return emptyUsage();
    if (this.#isInFolder) return folderUsage(this.folder);
    if (!this.#calls.has("listFiles")) refuseRetention("usage()", "listFiles()");
    const files = answers.files("listFiles", await this.#calls.run("listFiles"));
    return usageOf(
      files.map(({ path, bytes }) => ({ name: path, bytes })),
      this.manifest,
    );
  }

  /** Deletes history. */
  async prune({ limits, dryRun, signal, onProgress }) {
    signal?.throwIfAborted();
    const { retain } = this.#options;
    const given = limits ?? (retain === undefined ? {} : limitsOf(retain));
    const options = { ...given, withSnapshots: true, dryRun, atOnce: false, now: now() };
    const work = () => this.#protocols.run("prune", options);
    const [files, bytes] = await watched(onProgress, this.meter, this.folder, work);
    return { files, bytes };
  }

  backup() {
    const message = this.#isInMemory ? messages.backupOfMemory() : messages.backupOfBackend();
    throw opslogError("OPSLOG_INVALID_ARGUMENT", message);
  }

  async loadArchive(relativePath) {
    const archived = await this.#calls.run("loadArchiveSegment", relativePath);
    const { codec } = this.#options;
    return codec.isPlain ? archived : new Map([...archived].map(([id, value]) => [id, codec.copied(value)]));
  }

  async *streamSnapshot({ signal } = {}) {
    signal?.throwIfAborted();
    const { codec } = this.#options;
    for await (const records of this.#snapshotPieces()) {
      for (const entry of records) {
        signal?.throwIfAborted();
        yield codec.isPlain ? entry : [entry[0], codec.copied(entry[1])];
      }
    }
  }

  async *#snapshotPieces() {
    const path = this.manifest.currentSnapshot;
    if (this.#calls.has("readSnapshot")) yield* this.#calls.pieces("readSnapshot", path);
    else yield (await this.#calls.run("loadSnapshot", path)).records;
  }

  /** The position behind what the store shows, as far as it is logged. */
  position() {
    return call(() => this.#session.position());
  }

  isPosition(text) {
    return this.#session.isPosition(text);
  }

  /** Begins to read the history; `wanted` is what `readWanted()` made of the caller's options. */
  async changes(wanted) {
    const number = call(() => this.#session.changes({ ...wanted, writes: false }));
    return {
      isParsed: true,
      next: () => this.#protocols.run("nextChanges", number),
      close: () => this.#session.endHistory(number),
    };
  }

  /** Tells when there may be more of it. What only this store writes keeps no process alive `forListeners`. */
  notices(signal, { forListeners = false } = {}) {
    return this.#notices.open(signal, forListeners);
  }

  /** All records as they are now, for finding those of an earlier place. */
  async present() {
    const present = await this.#protocols.run("present");
    return {
      past: async (place, isTime) => {
        try {
          const past = await this.#protocols.run("past", present, place, isTime);
          return call(() => this.#session.view(past));
        } finally {
          this.#session.endHistory(present);
        }
      },
      close() {},
    };
  }

  /** What a present shows was logged when it was taken, and its logs are what is read of it. */
  isOutdated() {
    return false;
  }

  async *walOperations() {
    for (const piece of this.#pieces(await this.#protocols.run("logged"))) yield* piece;
  }

  /** The pieces of a list that a protocol ended with: the list itself, or the number under which the native side has it. */
  *#pieces(list) {
    const { codec } = this.#options;
    if (typeof list !== "number") {
      yield codec.operations(list);
      return;
    }
    const reader = {};
    dropped.register(reader, { session: this.#session, list }, reader);
    try {
      for (;;) {
        const piece = call(() => this.#session.piece(list, false));
        if (piece === null) return;
        yield codec.operations(parseOperations(piece));
      }
    } finally {
      dropped.unregister(reader);
      this.#session.piece(list, true);
    }
  }

  // Closing

  async close() {
    try {
      await this.settled();
      this.#buffer.stop();
      await this.indexes.stop();
      await this.#protocols.run("close");
    } finally {
      this.#buffer.stop();
      await this.#calls.run("shutdown");
    }
  }

  // Changes

  async #change(id, text) {
    return this.#isBuffered ? this.#changeInBuffer(id, text) : this.#protocols.change(id, text);
  }

  async #changeInBuffer(id, text) {
    const arrival = this.#buffer.grown(this.#protocols.changeInBuffer(id, text));
    if (arrival !== undefined) await arrival;
  }

  #takenBack() {
    this.records.takeBack();
    this.history.cut(this.#core.operationCount());
  }

  /** What a turn of the protocols tells: of records, operations and the log. */
  #turned(told) {
    this.#show(told);
    this.#notices.turned(told.logged);
  }

  /** Tells the live objects what has changed. */
  #show({ looked = NONE, reordered = NONE, undone = NONE, reset, history }) {
    if (reset) this.records.forget();
    for (const id of looked) this.records.look(id);
    for (const id of undone) this.records.undone(id);
    // A record that a batch deleted and set again is back where it stood.
    const seen = new Set();
    const moved = undone.filter((id) => seen.size === seen.add(id).size);
    if (reordered.length + moved.length > 0) this.records.reorder([...reordered, ...moved]);
    // NOTE: an agent's undone operation may have stood before those of others.
    if (history || reordered.length > 0) this.history.forget();
    else if (undone.length > 0) this.history.cut(this.#core.operationCount());
  }
}

/** Opens a store in memory, which no backend of the caller's keeps. */
function openInMemory(dir, options, { owner, onDue }) {
  return BackendDriver.open(dir, options, { backend: new MemoryBackend(), owner, onDue });
}

module.exports = { BackendDriver, openInMemory, refuseOwnBackend };
