"use strict";

// The store: checks arguments, keeps the order of mutations, holds the live objects. Where the bytes are is
// the driver's affair.

const { checkFunction, checkIds, readSignalAlone, readSince, refusePromise } = require("./arguments/checks");
const { chooseDriver } = require("./drivers");
const { inCurrentContext } = require("./writing/caller-context");
const { messages, notOpen, opslogError, wrongType } = require("./errors/errors");
const { Inspected, shownOf } = require("./inspected");
const { recoverFolder, repairFolder, verifyFolder } = require("./folder/maintenance");
const { Upkeep } = require("./folder/upkeep");
const { checkListener } = require("./history/listening");
const { HistoryReaders } = require("./history/readers");
const { readUndo } = require("./history/wanted");
const { DriverQueue } = require("./writing/driver-queue");
const { RETRY } = require("./writing/mutation-queue");
const { parseOptions } = require("./arguments/options");
const { describe } = require("./arguments/paths");
const { parseRevert, revert } = require("./history/past");
const { countWhere, explain, find, findIds, findOne } = require("./queries/calls");
const { filterInTurns, parseRange } = require("./queries/walks");
const { calling, clearing, comparison, insertion, patching, update } = require("./transactions/changes");
const { Guard } = require("./transactions/guard");
const { callWithHandle } = require("./transactions/handle");
const { Edits, Transaction } = require("./transactions/transaction");
const { after, paced, pacedBy, pacedSteps, refuse, toldElsewhere } = require("./writing/turns");
const { checkId } = require("./arguments/values");
const { readInterval, Watching } = require("./operations/watching");

const asyncDispose = Symbol.asyncDispose ?? Symbol.for("nodejs.asyncDispose");

class Store extends Inspected {
  #state = "closed";
  #options = null;
  #driver = null;
  #queue = null;
  /** How many changes the batch has that is being put together; `null` outside of one. */
  #batch = null;
  #opening = null;
  #closing = null;
  #watching = null;
  #readers = new HistoryReaders(() => this.#opened());
  #upkeep = new Upkeep({ opened: () => this.#opened(), writable: () => this.#writable() });
  /** Refuses calls of the store while the function of a transaction runs; `null` otherwise. */
  #guard = null;
  /** Throws in a call of the store's own backend, which would wait for the store, as the store waits for it. */
  #refuseOwnBackend = null;
  #toText = (id, value) => this.#textOf(id, value);

  constructor(...given) {
    super(() => this.#shown());
    // NOTE: a subclass may pass on what is its own.
    if (given.length > 0 && new.target === Store)
      throw wrongType("new Store() takes no arguments: the folder is given to open()");
  }

  /** Checks a folder that need not be open, and writes nothing. */
  static verify(dir, options) {
    return paced(verifyFolder(dir, options));
  }

  /** Mends what `verify()` finds in a folder, as far as that loses nothing. */
  static repair(dir, options) {
    return paced(repairFolder(dir, options));
  }

  /** Puts a store together in another folder from what is sound in a damaged one. */
  static recover(dir, to, options) {
    return paced(recoverFolder(dir, to, options));
  }

  /** What the last `open()` found. */
  get recovery() {
    return this.#driver?.recovery ?? null;
  }

  // Lifecycle

  open(dir, options) {
    return paced(this.#openOnce(dir, options));
  }

  async #openOnce(dir, options) {
    if (this.#guard !== null) throw this.#misused();
    if (this.#state !== "closed") {
      throw opslogError("OPSLOG_ALREADY_OPEN", "Store is already open. Call close() first.");
    }
    this.#state = "opening";
    this.#opening = this.#open(dir, options);
    try {
      await this.#opening;
    } finally {
      this.#opening = null;
    }
  }

  async #open(dir, options) {
    try {
      const given = parseOptions(options);
      // Other calls may come upon records that must be migrated.
      const parsed = Object.freeze({ ...given, migrate: inCurrentContext(given.migrate) });
      this.#driver = await this.#openDriver(dir, parsed);
      this.#queue = new DriverQueue(this.#driver, parsed, this.#refuseOwnBackend);
      this.#options = parsed;
      this.#state = "open";
    } catch (error) {
      this.#driver = null;
      this.#state = "closed";
      throw error;
    }
  }

  close() {
    return paced(this.#closeOnce());
  }

  async #closeOnce() {
    if (this.#closing !== null) throw notOpen();
    this.#refuseOwnBackend?.();
    if (this.#opening !== null) return this.#closeWhenOpen();
    this.#ensureOpen();
    return this.#close();
  }

  /** Closes the store that `open()` is opening. From the call on, no writes are taken. */
  #closeWhenOpen() {
    const failed = () => {
      this.#closing = null;
      throw notOpen();
    };
    this.#closing = this.#opening.then(() => this.#close(), failed);
    return this.#closing;
  }

  #close() {
    this.unwatch();
    this.#readers.closing();
    this.#closing = this.#queue.exclusive(async (driver) => {
      try {
        if (this.#readers.areListenedTo) await this.#readers.drain(this.#queue);
        await driver.close();
      } finally {
        // The caller may have begun to watch since.
        this.unwatch();
        // At once: what was called behind it must find the store closed.
        this.#state = "closed";
        this.#driver = null;
        this.#queue.end();
        this.#closing = null;
        this.#readers.end();
      }
    });
    return this.#closing;
  }

  [asyncDispose]() {
    return paced(this.#dispose());
  }

  async #dispose() {
    if (this.#state === "closed") return;
    try {
      await (this.#closing ?? this.close());
    } catch (error) {
      // There is nothing to close where open() failed.
      if (error?.code !== "OPSLOG_NOT_OPEN") throw error;
    }
  }

  // Records

  get(id) {
    this.#ensureOpen();
    return typeof id === "string" ? this.#driver.records.get(id) : undefined;
  }

  fetch(id) {
    return paced(this.#fetch(id));
  }

  async #fetch(id) {
    this.#ensureOpen();
    if (typeof id !== "string") return undefined;
    const driver = this.#driver;
    const { codec, readOnly, skipLoad } = this.#options;
    if (!skipLoad) return driver.records.get(id);
    this.#refuseOwnBackend?.();
    try {
      // A writer's own changes are written first.
      const found = await (readOnly ? driver.fetch(id) : this.#queue.exclusive(() => driver.fetch(id)));
      return found === null ? undefined : codec.value(found[0]);
    } catch (error) {
      // What it read with was shut down.
      throw this.#driver === driver ? error : notOpen();
    }
  }

  has(id) {
    this.#ensureOpen();
    return typeof id === "string" && this.#driver.records.has(id);
  }

  set(id, value) {
    this.#ensureWritable();
    if (this.#batch !== null) {
      checkId(id);
      const object = this.#driver.records.given(id, value);
      this.#driver.setInBatch(id, this.#textOf(id, object ?? value), object);
      this.#batch += 1;
      return undefined;
    }
    try {
      checkId(id);
      const driver = this.#driver;
      const object = driver.records.given(id, value);
      const text = this.#textOf(id, object ?? value);
      const again = () => this.#inForce(driver).set(id, text, object);
      if (this.#queue.isBusy) return paced(this.#queue.append(again));
      const done = driver.set(id, text, object);
      if (done === undefined) return after(1);
      return done === RETRY ? paced(this.#queue.retry(again)) : done;
    } catch (error) {
      return refuse(error);
    }
  }

  /** The text that is logged for a value. */
  #textOf(id, value) {
    return this.#options.codec.toText(id, value);
  }

  delete(id) {
    this.#ensureWritable();
    if (this.#batch !== null) {
      if (typeof id !== "string") throw notFound(id);
      this.#driver.deleteInBatch(id);
      this.#batch += 1;
      return undefined;
    }
    if (typeof id !== "string") return refuse(notFound(id));
    try {
      const driver = this.#driver;
      const again = () => this.#inForce(driver).delete(id);
      if (this.#queue.isBusy) return paced(this.#queue.append(again));
      const done = driver.delete(id);
      if (done === undefined) return after(1);
      return done === RETRY ? paced(this.#queue.retry(again)) : done;
    } catch (error) {
      return refuse(error);
    }
  }

  getMany(ids) {
    this.#ensureOpen();
    checkIds(ids);
    return ids.map((id) => (typeof id === "string" ? this.#driver.records.get(id) : undefined));
  }

  all() {
    this.#ensureOpen();
    return this.#driver.records.values();
  }

  entries() {
    this.#ensureOpen();
    return this.#driver.records.entries();
  }

  keys() {
    this.#ensureOpen();
    return this.#driver.records.walk(true);
  }

  values() {
    return valuesOf(this[Symbol.iterator]());
  }

  [Symbol.iterator]() {
    this.#ensureOpen();
    return this.#driver.records.walk(false);
  }

  scan(options) {
    return pacedSteps(() => {
      this.#ensureOpen();
      return this.#driver.records.scan(parseRange(options));
    });
  }

  filter(predicate) {
    this.#ensureOpen();
    checkFunction(predicate, "filter()");
    return this.#driver.records.filter(predicate);
  }

  filterAsync(predicate, options) {
    return paced(this.#filterAsync(predicate, options));
  }

  async #filterAsync(predicate, options) {
    this.#ensureOpen();
    checkFunction(predicate, "filterAsync()");
    const signal = readSignalAlone(options, "filterAsync()");
    const driver = this.#driver;
    return filterInTurns(driver.records.walk(false), predicate, {
      signal,
      check: () => this.#inForce(driver),
    });
  }

  count(predicate) {
    this.#ensureOpen();
    if (!predicate) return this.#driver.records.size;
    checkFunction(predicate, "count()");
    let matching = 0;
    this.#driver.records.forEach((value, id) => {
      if (predicate(value, id)) matching++;
      return false;
    });
    return matching;
  }

  // Queries

  find(query, options) {
    return paced(this.#ask(find, query, options));
  }

  findIds(query, options) {
    return paced(this.#ask(findIds, query, options));
  }

  findOne(query, options) {
    return paced(this.#ask(findOne, query, options));
  }

  countWhere(query, options) {
    return paced(this.#ask(countWhere, query, options));
  }

  explain(query, options) {
    return paced(this.#ask(explain, query, options));
  }

  async #ask(call, query, options) {
    this.#ensureOpen();
    return call(this.#driver.records, query, options);
  }

  whenIndexed() {
    return paced(this.#whenIndexed());
  }

  async #whenIndexed() {
    this.#ensureOpen();
    await this.#driver.indexes.ready();
  }

  stats() {
    this.#ensureOpen();
    const { records, history, manifest } = this.#driver;
    return {
      activeRecords: records.size,
      opsCount: history.count,
      archiveSegments: manifest.archiveSegments.length,
    };
  }

  // Batches, history

  batch(fn) {
    return pacedBy(this.#runInTurn(fn));
  }

  /** Returns how many operations there were. */
  async #runInTurn(fn) {
    this.#ensureWritable();
    checkFunction(fn, "batch()");
    return this.#queue.durably(() => this.#runBatch("batch()", () => callWithHandle(this, fn)));
  }

  // Transactions

  transaction(fn) {
    return paced(this.#transaction(() => calling(fn)));
  }

  insert(id, value) {
    return paced(this.#transaction(() => insertion(id, value, this.#toText)));
  }

  update(id, change) {
    return paced(this.#transaction(() => update(id, change)));
  }

  patch(id, partial) {
    return paced(this.#transaction(() => patching(id, partial, this.#toText)));
  }

  compareAndSet(id, expected, next) {
    return paced(this.#transaction(() => comparison(id, expected, next, this.#toText)));
  }

  clear() {
    return paced(this.#transaction(clearing));
  }

  /** Runs the function that `prepare` returns once it has looked at the arguments. */
  async #transaction(prepare) {
    this.#ensureTransactions();
    const run = prepare();
    const isFollowed = () => this.#queue.isFollowedAlone;
    const work = (driver) => driver.alone(() => this.#runTransaction("transaction()", run), isFollowed);
    return this.#queue.durably(work, { alone: true });
  }

  #ensureTransactions() {
    this.#ensureWritable();
    if (this.#batch !== null) throw opslogError("OPSLOG_INVALID_ARGUMENT", messages.withinBatch());
    if (this.#options.skipLoad) throw opslogError("OPSLOG_SKIP_LOAD", messages.skipLoadTransaction());
    this.#driver.ensureTransactions();
  }

  async #runTransaction(method, run) {
    let result;
    await this.#runBatch(method, () => {
      const edits = new Edits(this.#driver);
      const guard = new Guard();
      this.#guard = guard;
      try {
        result = run(new Transaction(edits, this.#toText), edits);
      } finally {
        this.#guard = null;
        this.#batch = edits.end();
      }
      guard.check(result);
      return result;
    });
    return result;
  }

  undo(options) {
    return paced(this.#undo(options));
  }

  async #undo(options) {
    this.#ensureWritable();
    const isBatch = readUndo(options);
    return this.#queue.durably(() => this.#driver.undo(isBatch));
  }

  get position() {
    this.#ensureOpen();
    return this.#driver.position(this.#batch !== null);
  }

  changes(options) {
    return this.#readers.changes(options);
  }

  on(event, listener) {
    this.#ensureOpen();
    checkListener(event, listener, "on()");
    if (this.#closing !== null) throw notOpen();
    const isInBatch = this.#batch !== null;
    this.#readers.listen(listener, inCurrentContext(listener), { queue: this.#queue, isInBatch });
    return this;
  }

  off(event, listener) {
    if (this.#guard !== null) throw this.#misused();
    checkListener(event, listener, "off()");
    this.#readers.dismiss(listener);
    return this;
  }

  at(when) {
    return paced(this.#readers.at(when));
  }

  revert(options) {
    return paced(this.#revert(options));
  }

  async #revert(options) {
    this.#ensureTransactions();
    const { where, ids } = parseRevert(options, (text) => this.#driver.isPosition(text));
    const run = (reversion) => this.#runTransaction("revert()", reversion);
    const { migrate } = this.#options;
    // NOTE: it shares no lock with transactions: it finds what was while others write.
    return this.#queue.durably((driver) => revert(driver, { where, ids, migrate }, run));
  }

  getHistory(id) {
    this.#ensureOpen();
    return this.#driver.history.all().filter((operation) => operation.id === id);
  }

  getOps(since) {
    this.#ensureOpen();
    const after = readSince(since);
    const operations = this.#driver.history.all();
    return after === undefined ? [...operations] : operations.filter(({ ts }) => ts > after);
  }

  getWalOps(sinceTimestamp, options) {
    return pacedSteps(() => this.#readers.logged(sinceTimestamp, options));
  }

  // Maintenance

  compact(options) {
    return paced(this.#upkeep.compact(options));
  }

  backup(dir, options) {
    return paced(this.#upkeep.backup(dir, options));
  }

  prune(options) {
    return paced(this.#upkeep.prune(options));
  }

  usage() {
    return paced(this.#upkeep.usage());
  }

  archive(predicate, segment, options) {
    return paced(this.#upkeep.archive(predicate, segment, options));
  }

  listArchiveSegments() {
    this.#ensureOpen();
    return [...this.#driver.manifest.archiveSegments];
  }

  loadArchive(segment) {
    return paced(this.#upkeep.loadArchive(segment));
  }

  getManifest() {
    if (this.#state !== "open") return null;
    if (this.#guard !== null) throw this.#misused();
    const { currentSnapshot, activeOps, archiveSegments, stats } = this.#driver.manifest;
    return { currentSnapshot, activeOps, archiveSegments: [...archiveSegments], stats: { ...stats } };
  }

  streamSnapshot(options) {
    return pacedSteps(() => {
      this.#ensureOpen();
      return this.#driver.streamSnapshot({ signal: readSignalAlone(options, "streamSnapshot()") });
    });
  }

  flush() {
    return paced(this.#flush());
  }

  async #flush() {
    if (this.#guard !== null) throw this.#misused();
    if (this.#state !== "open" || this.#options.readOnly) return;
    // A close() that was called before flushes everything.
    await (this.#closing ?? this.#queue.durably((driver) => driver.flush(), { wanted: "synced" }));
  }

  sync() {
    return this.flush();
  }

  // Other writers

  refresh() {
    return paced(this.#refresh());
  }

  async #refresh() {
    this.#ensureOpen();
    return this.#queue.exclusive(() => this.#driver.refresh());
  }

  tail() {
    return paced(this.#tail());
  }

  async #tail() {
    this.#ensureOpen();
    return this.#queue.exclusive(() => this.#driver.follow());
  }

  watch(callback, intervalMs) {
    this.#ensureOpen();
    checkFunction(callback, "watch()");
    const interval = readInterval(intervalMs);
    this.unwatch();
    const driver = this.#driver;
    this.#watching = new Watching({
      look: () => this.tail(),
      callback,
      intervalMs: interval,
      folder: driver.folder,
      notices: driver.notices?.(),
    });
  }

  unwatch() {
    if (this.#guard !== null) throw this.#misused();
    this.#watching?.end();
    this.#watching = null;
  }

  #openDriver(dir, options) {
    const chosen = chooseDriver(dir, options, {
      owner: this,
      onDue: () => this.#upkeep.checkpointInTurn(this.#queue),
    });
    this.#refuseOwnBackend = chosen.refuseOwnBackend;
    return chosen.open();
  }

  /** The error of a call of the store within a transaction. */
  #misused() {
    // The transaction rejects with it.
    return toldElsewhere(this.#guard.refusal());
  }

  /** The driver that a call was made for; the store may have been closed before the call's turn came. */
  #inForce(driver) {
    if (this.#driver !== driver) throw notOpen();
    return driver;
  }

  async #runBatch(method, fn) {
    this.#driver.beginBatch();
    this.#batch = 0;
    try {
      const returned = this.#driver.records.live(fn);
      refusePromise(returned, method);
    } catch (error) {
      this.#batch = null;
      this.#driver.abandonBatch();
      throw error;
    }
    const count = this.#batch;
    this.#batch = null;
    await this.#driver.commitBatch();
    return count;
  }

  /** What is shown of the store where it is inspected. */
  #shown() {
    const state = this.#state === "open" && this.#closing !== null ? "closing" : this.#state;
    const driver = this.#driver;
    if (this.#state !== "open" || driver === null) return { state };
    return shownOf(state, driver, this.#options);
  }

  /** The queue of the driver, for a call that needs an open store. */
  #opened() {
    this.#ensureOpen();
    return this.#queue;
  }

  /** The same, for a call that writes. */
  #writable() {
    this.#ensureWritable();
    return this.#queue;
  }

  #ensureOpen() {
    if (this.#state !== "open") throw notOpen();
    if (this.#guard !== null) throw this.#misused();
    // A call that looks, or waits for its turn, finds what was called before.
    this.#driver.arrive();
  }

  #ensureWritable() {
    if (this.#state !== "open") throw notOpen();
    if (this.#guard !== null) throw this.#misused();
    // A batch that was called before close() still runs.
    if (this.#closing !== null && this.#batch === null) throw notOpen();
    this.#refuseOwnBackend?.();
    if (this.#options.readOnly) throw opslogError("OPSLOG_READ_ONLY", messages.readOnly());
  }
}

function* valuesOf(entries) {
  for (const [, value] of entries) yield value;
}

function notFound(id) {
  const shown = typeof id === "object" || typeof id === "function" ? describe(id) : String(id);
  return opslogError("OPSLOG_NOT_FOUND", messages.notFound(shown));
}

module.exports = { Store };
