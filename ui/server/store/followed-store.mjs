/**
 * A store that is open for reading, and follows what other processes write. It takes no lock and writes nothing. What cannot be
 * opened, or breaks later, is told, and tried again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Store } from "../../../index.mjs";
import { explained } from "../requests/errors.mjs";
import { kindOf, summaryOf } from "../history/operations.mjs";

/** Objects that are kept: a page shows a few hundred records. */
const CACHE = 1000;
/** What came within so many milliseconds is told together. */
const GATHER_MS = 100;
/** So many operations are told one by one each time; of the others only their number. */
const MOST_TOLD = 200;
const RETRY_MS = 2000;
/** So often it is looked whether the store is another one without an operation: archived, migrated, put back. */
const LOOK_MS = 2000;

export class FollowedStore {
  #folder;
  #store = null;
  #failure = { code: "OPSLOG_NOT_OPEN", message: "The store is being opened." };
  #version = 0;
  #ended = new AbortController();
  #running;
  #listeners;
  #gathered = newGathering();
  #telling = null;
  #manifest = "";

  /**
   * `listeners.opened()` is called with each store that was opened, `listeners.failed()` when it is gone, and
   * `listeners.changed({ operations, counts })` when the store shows what another process wrote.
   */
  constructor(folder, listeners) {
    this.#folder = folder;
    this.#listeners = listeners;
  }

  /** Opens the store. Resolves once that succeeded or failed for the first time; goes on until `close()`. */
  async start() {
    await this.#open();
    this.#running = this.#run();
  }

  async close() {
    this.#ended.abort();
    await this.#running;
  }

  /** The store. Throws what keeps it from being open. */
  get store() {
    if (this.#store === null) throw Object.assign(new Error(this.#failure.message), this.#failure);
    return this.#store;
  }

  /** Why the store is not open, `null` if it is. */
  get failure() {
    return this.#store === null ? this.#failure : null;
  }

  /** A number that is another one whenever the store shows something else. */
  get version() {
    return this.#version;
  }

  async #open() {
    const store = new Store();
    try {
      await store.open(this.#folder, { readOnly: true, cacheSize: CACHE });
      this.#store = store;
      this.#manifest = JSON.stringify(store.getManifest());
      this.#version++;
      this.#listeners.opened(store);
    } catch (error) {
      this.#failure = explained(error);
      this.#listeners.failed();
    }
  }

  async #run() {
    while (!this.#ended.signal.aborted) {
      if (this.#store === null) await this.#open();
      if (this.#store !== null) await this.#followUntilItFails();
      await sleep(RETRY_MS, undefined, { signal: this.#ended.signal }).catch(() => {});
    }
    await this.#letGo();
  }

  async #followUntilItFails() {
    const broken = new AbortController();
    const signal = AbortSignal.any([this.#ended.signal, broken.signal]);
    const looking = setInterval(() => this.#look().catch((error) => broken.abort(error)), LOOK_MS);
    try {
      const changes = this.#store.changes({ after: this.#store.position, live: true, signal });
      for await (const change of changes) this.#gather(change, broken);
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      this.#failure = explained(error);
      await this.#letGo();
      this.#listeners.failed();
    } finally {
      clearInterval(looking);
    }
  }

  async #look() {
    const store = this.#store;
    if (store === null || this.#telling !== null) return;
    await store.refresh();
    const manifest = JSON.stringify(store.getManifest());
    if (this.#store !== store || manifest === this.#manifest) return;
    this.#manifest = manifest;
    this.#version++;
    this.#listeners.changed(newGathering());
  }

  async #letGo() {
    const store = this.#store;
    this.#store = null;
    clearTimeout(this.#telling);
    this.#telling = null;
    this.#gathered = newGathering();
    await store?.close().catch(() => {});
  }

  #gather(change, broken) {
    const { operations, counts } = this.#gathered;
    counts[kindOf(change)]++;
    if (operations.length < MOST_TOLD) operations.push(summaryOf(change));
    this.#tellSoon(broken);
  }

  #tellSoon(broken) {
    this.#telling ??= setTimeout(() => this.#tell(broken).catch((error) => broken.abort(error)), GATHER_MS);
  }

  async #tell(broken) {
    const store = this.#store;
    if (store === null) return;
    const gathered = this.#gathered;
    this.#gathered = newGathering();
    await store.refresh();
    if (this.#store !== store) return;
    this.#telling = null;
    this.#manifest = JSON.stringify(store.getManifest());
    this.#version++;
    this.#listeners.changed(gathered);
    // What came while the store was brought up to date.
    if (this.#gathered.operations.length > 0) this.#tellSoon(broken);
  }
}

function newGathering() {
  return { operations: [], counts: { created: 0, updated: 0, deleted: 0, undone: 0 } };
}
