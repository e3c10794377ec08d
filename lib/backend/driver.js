"use strict";

// A store whose bytes a StorageBackend keeps. The protocols run natively; their steps are carried out here, through the
// backend's methods alone, and what they change is told to the live objects.

const { randomFillSync } = require("../platform/builtins").crypto;
const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { CallerContext } = require("../writing/caller-context");
const { messages, opslogError } = require("../errors/errors");
const { History } = require("../operations/history");
const { Indexes } = require("../queries/indexes");
const native = require("../native");
const { call, decode } = require("../errors/native");
const { backendOptions } = require("../folder/native-options");
const { Meter, watched } = require("../arguments/progress");
const { limitsOf, refuseRetention } = require("../arguments/retention");
const { path } = require("../platform/builtins");
const { FsBackend } = require("../fs/backend");
const { Notices } = require("../fs/notices");
const { ToldFeed } = require("../history/feed");
const { Polling } = require("../history/polling");
const { Journal } = require("./journal");
const { parseOperations } = require("../operations/texts");
const { emptyUsage, folderUsage, usageOf } = require("../fs/usage");
const { Records } = require("../records/records");
const { clearTimeout, inMicrotask, monotonicMs, setTimeout } = require("../platform/timers");
const { paced } = require("../writing/turns");
const { now } = require("../arguments/values");
const answers = require("./answers");
const { Calls, OwnCalls, refuseOwnBackend } = require("./calls");
const { factsOf } = require("./facts");
const { MemoryBackend } = require("./memory");
const { Steps } = require("./steps");

const flushFailures = diagnostics.channel("opslog:flush-failed");
const pruneFailures = diagnostics.channel("opslog:prune-failed");
/** How long a checkpoint that was asked for waits for another agent's. */
const CHECKPOINT_WAIT_MS = 20_000;

/** What a turn does not tell. */
const NONE = Object.freeze([]);

/** For the journal, whose readers have their own codec. */
const AS_STORED = { operations: (list) => list };

class BackendDriver {
  #options;
  #session;
  #calls;
  #steps;
  #core;
  #onDue;
  #isInMemory;
  #isInFolder;
  #retain;
  #sharesAppends;
  #manifest = null;
  /** Changes on their way, by ticket, and protocols, by number. */
  #changes = new Map();
  #tasks = new Map();
  #settled = [];
  /** How many calls have filled the buffer and wait for it. */
  #filling = 0;
  /** What broke the protocols, if anything did. */
  #broken = null;
  #timer = null;
  /** What listeners are told, of a store in memory, and its history. */
  #feeds = new Set();
  #journal = null;
  /** What waits for more of the history, and how often the log had changed at the last turn. */
  #polling = new Set();
  #logged = 0;
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
      await watched(options.onProgress, driver.meter, dir, () => driver.#run("open"));
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
    this.#onDue = onDue;
    this.#isInMemory = backend instanceof MemoryBackend;
    this.#isInFolder = backend instanceof FsBackend;
    const facts = factsOf(backend);
    this.#retain = this.#isInMemory ? undefined : options.retain;
    if (this.#retain !== undefined && !facts.deletesLogs)
      refuseRetention("the option retain", "deleteOpsFile()");
    this.#sharesAppends = facts.wholeAppends;
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
    this.#steps = new Steps(this.#session, this.#calls, { migrate: options.migrate, records: this.records });
  }

  get #isBuffered() {
    return this.#options.writeMode !== "immediate";
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
    this.#session.beginBatch();
    this.records.begin();
  }

  setInBatch(id, text) {
    this.#called(id, () => this.#session.changeInBatch(id, text, now()));
    this.records.changed(id);
  }

  deleteInBatch(id) {
    this.#called(id, () => this.#session.changeInBatch(id, null, now()));
    this.records.deleted(id);
  }

  async commitBatch() {
    try {
      await this.#run("commitBatch");
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

  async flush() {
    await this.settled();
    this.#clearTimer();
    try {
      await this.#run("flush");
    } catch (error) {
      this.#flushLater();
      throw error;
    }
  }

  // What is durable is the backend's affair.
  written() {}
  synced() {}

  // Mutations that nothing overtakes

  /** What was called shows at once here. */
  arrive() {}

  /** Resolves when everything that was called has arrived or failed, or is in the buffer to stay. */
  async settled() {
    while (this.#changes.size + this.#filling > 0)
      await new Promise((resolve) => this.#settled.push(resolve));
  }

  #settle() {
    if (this.#changes.size + this.#filling === 0) for (const resolve of this.#settled.splice(0)) resolve();
  }

  async undo(isBatch) {
    return this.#run("undo", isBatch);
  }

  async checkpoint() {
    await this.#run("checkpoint", CHECKPOINT_WAIT_MS);
    await this.#keepRetained();
  }

  /** A checkpoint that no call waits for. */
  async checkpointIfFree() {
    await this.#run("checkpoint", 0);
    await this.#keepRetained();
  }

  async archive(ids, period) {
    const count = await this.#run("archive", JSON.stringify(ids), period);
    await this.#keepRetained();
    return count;
  }

  /** Deletes what is beyond the limits that the store was opened with. A failure fails no call: the next checkpoint tries again. */
  async #keepRetained() {
    if (this.#retain === undefined) return;
    try {
      await this.#run("prune", {
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
    for (const piece of this.#pieces(await this.#run("follow")))
      for (const operation of piece) told.push(operation);
    return told;
  }

  /** A list of the value of a record that was not loaded; `null` if there is none. */
  async fetch(id) {
    await this.settled();
    return this.#run("fetch", id);
  }

  /** Takes over what others wrote. Until all of it is there, reads see what they saw. */
  async refresh() {
    await this.#run("refresh");
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

  /** Deletes history. What is superseded in memory is gone already. */
  async prune({ limits, dryRun, signal, onProgress }) {
    if (this.#isInMemory) return { files: 0, bytes: 0 };
    signal?.throwIfAborted();
    const given = limits ?? (this.#retain === undefined ? {} : limitsOf(this.#retain));
    const options = { ...given, withSnapshots: true, dryRun, atOnce: false, now: now() };
    const work = () => this.#run("prune", options);
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
    if (this.#isInMemory) return this.#keptJournal().position;
    return call(() => this.#session.position());
  }

  isPosition(text) {
    return this.#isInMemory ? this.#keptJournal().isPosition(text) : this.#session.isPosition(text);
  }

  /** Begins to read the history; `wanted` is what `readWanted()` made of the caller's options. */
  async changes(wanted) {
    if (this.#isInMemory) {
      const journal = this.#keptJournal();
      if (this.#isBuffered) await this.flush();
      return journal.read(wanted);
    }
    const number = call(() => this.#session.changes({ ...wanted, writes: false }));
    return {
      isParsed: true,
      next: () => this.#run("nextChanges", number),
      close: () => this.#session.endHistory(number),
    };
  }

  /** Tells when there may be more of it. What only this store writes keeps no process alive `forListeners`. */
  notices(signal, { forListeners = false } = {}) {
    if (this.#isInMemory) return this.#journal?.notices(signal) ?? null;
    const { agentId, readOnly } = this.#options;
    const isBackground = forListeners && agentId === undefined && !readOnly;
    const notices = this.#isInFolder
      ? new Notices(path.join(this.folder, "ops"), signal, { isBackground })
      : new Polling(signal, { isBackground });
    this.#polling.add(notices);
    return {
      listen: () => notices.listen(),
      found: () => notices.found(),
      notice: () => notices.notice(),
      noticed: () => notices.noticed(),
      end: () => {
        this.#polling.delete(notices);
        notices.end();
      },
    };
  }

  /** The history of a store in memory, kept once it was asked for. */
  #keptJournal() {
    if (this.#journal === null) {
      // What does not count yet is told when it does.
      const shown = new History(this.#core, AS_STORED).all();
      const count = Math.max(0, shown.length - this.#session.uncounted());
      this.#journal = new Journal(shown.slice(0, count));
      this.#feeds.add(this.#journal);
      if (this.#feeds.size === 1) this.#session.listen();
    }
    return this.#journal;
  }

  /** All records as they are now, for finding those of an earlier place. */
  async present() {
    if (this.#isInMemory) throw opslogError("OPSLOG_UNSUPPORTED", messages.pastOfMemory());
    const present = await this.#run("present");
    return {
      past: async (place, isTime) => {
        try {
          const past = await this.#run("past", present, place, isTime);
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
    for (const piece of this.#pieces(await this.#run("logged"))) yield* piece;
  }

  /** The pieces of a list that a protocol ended with: the list itself, or the number under which the native side has it. */
  *#pieces(list) {
    const { codec } = this.#options;
    if (typeof list !== "number") {
      yield codec.operations(list);
      return;
    }
    try {
      for (;;) {
        const piece = call(() => this.#session.piece(list, false));
        if (piece === null) return;
        yield codec.operations(parseOperations(piece));
      }
    } finally {
      this.#session.piece(list, true);
    }
  }

  // Closing

  async close() {
    try {
      await this.settled();
      this.#clearTimer();
      await this.indexes.stop();
      await this.#run("close");
    } finally {
      this.#clearTimer();
      await this.#calls.run("shutdown");
    }
  }

  // Listeners

  /** Tells what comes to count in memory. Elsewhere the history does. */
  feed() {
    if (!this.#isInMemory) return undefined;
    const feed = new ToldFeed(() => this.#ended(feed));
    this.#feeds.add(feed);
    if (this.#feeds.size === 1) this.#session.listen();
    return feed;
  }

  #ended(feed) {
    this.#feeds.delete(feed);
    if (this.#feeds.size === 0) this.#session.unlisten();
  }

  #tell(changes) {
    const feeds = [...this.#feeds];
    for (const feed of feeds) {
      // Each listener gets objects of its own.
      const own = feed === feeds.at(-1) ? changes : JSON.parse(JSON.stringify(changes));
      feed.tell(feed === this.#journal ? own : this.#options.codec.changes(own));
    }
  }

  // Changes

  async #change(id, text) {
    if (this.#isBuffered) return this.#buffer(id, text);
    const ticket = this.#called(id, () => this.#session.change(id, text, now()));
    const arrived = new Promise((resolve, reject) => {
      this.#changes.set(Math.abs(ticket), { resolve, reject, context: new CallerContext() });
    });
    // NOTE: behind that, for a change that is refused settles at once.
    if (ticket < 0) this.#carryAll();
    this.#turn();
    return arrived;
  }

  /** Carries changes away; where they share an append, when the caller has made all that it makes at once. */
  #carryAll() {
    const carry = () => this.#run("carry").catch(() => {});
    if (this.#sharesAppends) inMicrotask(carry);
    else carry();
  }

  async #buffer(id, text) {
    const waiting = this.#called(id, () => this.#session.buffer(id, text, now()));
    this.#turn();
    if (waiting < this.#options.groupCommitSize) {
      this.#flushLater();
      return;
    }
    this.#clearTimer();
    if (this.#options.writeMode === "async") this.#flushInTurn();
    else await this.#fill();
  }

  /** Carries the full buffer away. What does not arrive stays in it, but for the newest change. */
  async #fill() {
    this.#filling++;
    try {
      await this.#run("fillBuffer");
    } catch (error) {
      this.#flushLater();
      throw error;
    } finally {
      this.#filling--;
      this.#settle();
    }
  }

  /** Carries the buffer away, for no call. What does not arrive stays in it. */
  async #flushInTurn() {
    try {
      await this.#run("flushBuffer");
    } catch (error) {
      flushFailures.publish({ error });
      this.#flushLater();
    }
  }

  #flushLater() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#flushInTurn();
    }, this.#options.groupCommitMs);
  }

  #clearTimer() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #takenBack() {
    this.records.takeBack();
    this.history.cut(this.#core.operationCount());
  }

  #called(id, change) {
    if (this.#broken !== null) throw this.#broken;
    this.records.beforeChange(id);
    try {
      return change();
    } catch (error) {
      throw this.#errorOf(error, id);
    }
  }

  // Protocols

  /** Begins a protocol. Returns a promise of its end. */
  async #run(protocol, ...args) {
    if (this.#broken !== null) throw this.#broken;
    const number = this.#session[protocol](...args);
    const ended = new Promise((resolve, reject) => this.#tasks.set(number, { resolve, reject }));
    this.#turn();
    return ended;
  }

  /** Lets the protocols go on, and does what they ask for. */
  #turn() {
    if (this.#broken !== null) return;
    let told;
    try {
      told = JSON.parse(call(() => this.#session.turn(now())));
    } catch (error) {
      this.#break(error);
      return;
    }
    this.#show(told);
    const { requests = NONE, settled = NONE, ended = NONE, events } = told;
    if (events !== undefined) this.#tell(events);
    if (told.logged !== this.#logged) this.#noticed(told.logged);
    for (const request of requests) this.#carry(request);
    for (const [ticket, error] of settled) this.#end(this.#changes, ticket, error);
    for (const [number, error, result] of ended) this.#end(this.#tasks, number, error, result);
    this.#settle();
    if (this.#tasks.size === 0) this.#steps.forgetFailures();
    if (told.due) this.#onDue();
  }

  /** The own log has changed. */
  #noticed(logged) {
    this.#logged = logged;
    for (const notices of this.#polling) notices.notice();
  }

  /** An error inside of the protocols: no call may wait for them, now or later. */
  #break(error) {
    this.#broken = error;
    this.#clearTimer();
    for (const waiting of [this.#changes, this.#tasks]) {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    }
    this.#settle();
  }

  #carry(request) {
    if (request.step === "begins") this.meter.begin(request.phase, request.total);
    else if (request.step === "ends") this.meter.end();
    else this.#carryFor(this.#changes.get(request.ticket), request).then(() => this.#turn());
  }

  /** Carries a request out in the context of the change that it is for, if it is for one. */
  #carryFor(change, request) {
    const carry = () => this.#steps.carry(request);
    return change === undefined ? carry() : change.context.run(carry);
  }

  #end(waiting, number, error, result) {
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (error === null) resolve(result);
    else reject(this.#errorFrom(error));
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

  #errorFrom(details) {
    const { code, message, request, path = code === "OPSLOG_NO_STORE" ? this.folder : undefined } = details;
    if (code === "OPSLOG_NOT_UNIQUE") return decode(new Error(JSON.stringify(details)));
    const cause = this.#steps.failure(request);
    if (code === "") return cause;
    return opslogError(code, message, {
      ...(cause !== undefined && { cause }),
      ...(path !== undefined && { path }),
    });
  }

  #errorOf(error, id) {
    if (!error?.message?.startsWith("{")) return error;
    const details = JSON.parse(error.message);
    if (details.code === "OPSLOG_NOT_FOUND") return opslogError(details.code, messages.notFound(id));
    return this.#errorFrom(details);
  }
}

/** Opens a store in memory, which no backend of the caller's keeps. */
function openInMemory(dir, options, { owner, onDue }) {
  return BackendDriver.open(dir, options, { backend: new MemoryBackend(), owner, onDue });
}

module.exports = { BackendDriver, openInMemory, refuseOwnBackend };
