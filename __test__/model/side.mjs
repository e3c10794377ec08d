/**
 * One of the two stores of a run: the folder, the store that writes it, a reader beside it, and the calls
 * that have not been awaited yet. `OriginalSide` knows what 0.8.1 must be spared (differences.mjs);
 * everything else is driven through the public API as it is.
 */
import { strict as assert } from "node:assert";
import { comparable, observe } from "./compare.mjs";
import { needsBefore } from "./differences.mjs";
import { Journal, RepairedBackend, RepairedStore } from "./repaired-reference.mjs";
import { migrate } from "./sessions.mjs";

export class Side {
  /** Errors that the run's own functions threw inside the store: they must come back as they are. */
  thrown = new Set();
  pending = [];
  reader = null;
  store = null;
  #Store;

  constructor(name, Store, folder, header) {
    this.name = name;
    this.#Store = Store;
    this.folder = folder;
    this.header = header;
  }

  get checkpoints() {
    return this.store.checkpoints ?? 0;
  }

  newStore() {
    return new this.#Store();
  }

  async open(session, options, { reuse = false } = {}) {
    if (!reuse || !this.store) this.store = this.newStore();
    this.session = session;
    await this.store.open(this.folder, options);
  }

  /** Calls at once, without awaiting: what became of it is kept until settle(). */
  issue(name, call) {
    const { now, later } = observe(() => call(this));
    this.pending.push({ name, now, later });
  }

  /** Comes back when every call so far is visible. */
  async catchUp() {}

  /** Awaits every call so far and returns what became of each, in the order of the calls. */
  async settle() {
    const calls = this.pending;
    this.pending = [];
    const settled = [];
    for (const { name, now, later } of calls) settled.push({ name, now, ...comparable(await later, this) });
    return settled;
  }

  async outcome(call) {
    const { now, later } = observe(() => call(this));
    return { now, ...comparable(await later, this) };
  }

  async openReader() {
    this.reader = this.newStore();
    await this.reader.open(this.folder, { readOnly: true });
  }

  async readerTail() {
    return this.reader.tail();
  }

  async closeReader() {
    await this.reader?.close();
    this.reader = null;
  }

  /** What a fresh read-only store of this side's kind finds in `folder`. */
  async look(folder, show) {
    const store = this.newStore();
    await this.openReadOnly(store, folder);
    try {
      return await show(store);
    } finally {
      await store.close();
    }
  }

  async openReadOnly(store, folder) {
    await store.open(folder, { readOnly: true });
  }
}

export class OriginalSide extends Side {
  journal = new Journal();
  #calls = Promise.resolve();
  #settled = [];
  #readerSeen = null;

  constructor(folder, header) {
    super("0.8.1", RepairedStore, folder, header);
  }

  get checkpoints() {
    return this.journal.checkpoints;
  }

  /** Differences: "a Store that was closed carries its past", "migration skips the log". */
  async open(session, options, { reuse = false, previousVersion = options.version } = {}) {
    const clean = reuse && this.session?.mode === "immediate" && !this.session.skipLoad && !session.skipLoad;
    if (!clean) this.store = this.newStore();
    this.session = session;
    if (previousVersion === options.version) return this.#open(options);
    const before = this.newStore();
    await before.open(this.folder, { version: previousVersion, backend: this.#backend(this.folder) });
    await before.close();
    await this.#open(options);
    await this.store.compact();
  }

  async #open(options) {
    const past = { checkpointThreshold: 100, checkpointOnClose: true, version: 1, migrate };
    const explicit = {
      ...(this.session.skipLoad ? {} : past),
      ...options,
      backend: this.#backend(this.folder),
    };
    await this.store.open(this.folder, explicit);
  }

  #backend(folder) {
    return new RepairedBackend(folder, {
      journal: this.journal,
      countsBytes: this.header.alphabet !== "ascii",
    });
  }

  /** The call waits for what 0.8.1 needs before it; the run goes on meanwhile. */
  issue(name, call) {
    this.#calls = this.#calls.then(() => this.#issueSpared(name, call));
  }

  async #issueSpared(name, call) {
    const needs = needsBefore(name, this);
    if (needs.settle || needs.flush) await this.#settlePending();
    if (needs.flush) await this.store.flush();
    super.issue(name, call);
    if (needs.after) await this.#settlePending();
  }

  async #settlePending() {
    this.#settled.push(...(await super.settle()));
  }

  async catchUp() {
    await this.#calls;
    await this.#settlePending();
  }

  async settle() {
    await this.catchUp();
    const settled = this.#settled;
    this.#settled = [];
    return settled;
  }

  async openReader() {
    this.reader = this.newStore();
    await this.openReadOnly(this.reader, this.folder);
    const { checkpoints, undos, length } = this.journal;
    this.#readerSeen = { checkpoints, undos, position: length };
  }

  /** Difference: "a reader is lost after a checkpoint or an undo". */
  async readerTail() {
    const seen = this.#readerSeen;
    const expected = this.journal.since(seen.position);
    const lost = seen.checkpoints !== this.journal.checkpoints || seen.undos !== this.journal.undos;
    if (lost) {
      await this.closeReader();
      await this.openReader();
      return expected;
    }
    const operations = await this.reader.tail();
    assert.deepEqual(operations, expected, "the journal of the harness is wrong");
    seen.position = this.journal.length;
    return operations;
  }

  async openReadOnly(store, folder) {
    await store.open(folder, { readOnly: true, backend: new RepairedBackend(folder) });
  }
}
