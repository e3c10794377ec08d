"use strict";

// How a store in a folder takes over what others wrote: looks at the files, and puts what they hold into its records and
// history.

const { migrateFound } = require("../records/migration");
const { call, settle } = require("../errors/native");
const { parseOperations } = require("../operations/texts");
const { delay } = require("../platform/timers");
const { warnOfSkippedLines } = require("../operations/wal");

/** How often a snapshot is loaded that is superseded meanwhile. */
const RENEWALS = 5;

class Following {
  #core;
  #options;
  #manifest;
  #records;
  #history;
  #renewing = null;
  /** How much native work is under way that may change records. */
  #working = 0;

  /** The store that follows, with what it tells of news: `records`, `history` and `manifest` of the store. */
  constructor(core, options, { records, history, manifest }) {
    this.#core = core;
    this.#options = options;
    this.#records = records;
    this.#history = history;
    this.#manifest = manifest;
  }

  /** Whether no native work is under way that may change records. */
  get isSteady() {
    return this.#working === 0;
  }

  /** Returns what others wrote since the last look, also what was come upon in between. */
  follow() {
    const looking = this.#look();
    if (looking !== null || this.#renewing !== null) return this.#afterLook(looking);
    return this.#told();
  }

  async #afterLook(looking) {
    await looking;
    await this.#renewing;
    return this.#told();
  }

  async refresh() {
    await this.#look();
    await this.#renewing;
    this.#core.forgetTail();
  }

  /** The operations that are still to be told, which they are by that: at once if there are few, else a promise. */
  #told() {
    const lists = call(() => this.#core.takeTail());
    if (lists === null) return [];
    return Array.isArray(lists) ? this.#parse(lists) : settle(lists).then((later) => this.#parse(later));
  }

  #parse(lists) {
    const operations = [];
    for (const list of lists) {
      for (const operation of this.#options.codec.operations(parseOperations(list)))
        operations.push(operation);
    }
    // Nothing of them was taken in before.
    if (this.#options.skipLoad) this.#records.reorder(operations.map(({ id }) => id));
    return operations;
  }

  /** Takes over what others wrote. */
  async catchUp() {
    await this.#look();
  }

  /** Waits until an append can be tried again that must wait for another agent. */
  async waitForTurn() {
    this.#takeOver(await this.changing(this.#core.waitForTurn()));
  }

  /** Resolves when no snapshot is being loaded in the place of an older one, however that ended. */
  async idle() {
    await this.#renewing?.catch(() => {});
  }

  /**
   * Takes over what others wrote that a write or another thread came upon, and what the latter changed: until then reads show the
   * state before. Returns whether there was anything.
   */
  takeForeign() {
    const foreign = this.#core.takeForeign();
    if (foreign !== null) for (const followed of JSON.parse(foreign)) this.#apply(followed);
    return foreign !== null;
  }

  /** Awaits native work that may change records, and takes over what it came upon and changed, whatever becomes of it. */
  async changing(work) {
    this.#working++;
    try {
      return await settle(work);
    } finally {
      this.#working--;
      this.#manifest.forget();
      this.takeForeign();
    }
  }

  /** Migrates what was come upon of an older version. Throws what `migrate` throws; the next look tries again. */
  migrateFound() {
    const { migrate, version } = this.#options;
    if (version === 1 || !call(() => this.#core.needsMigration())) return;
    try {
      migrateFound(this.#core, migrate);
    } finally {
      this.#records.forget();
    }
  }

  /** Takes over what others wrote: little of it at once, and then it returns `null`; much of it in time. */
  #look(mayWait = false) {
    if (this.#mayMeetOlder()) return this.#lookAndMigrate();
    const news = this.#lookAtOnce(mayWait);
    if (typeof news === "number") return this.untilLetIn().then(() => this.#look(true));
    if (news !== null && typeof news === "object") {
      return this.changing(news).then((later) => this.#takeOver(later));
    }
    this.takeForeign();
    this.#takeOver(news);
    return null;
  }

  /** Resolves when no other agent keeps this store out. No thread is kept waiting meanwhile, which others may be in need of. */
  async untilLetIn() {
    for (let pauseMs = call(() => this.#core.keptOut()); pauseMs !== null;) {
      await delay(pauseMs);
      pauseMs = call(() => this.#core.keptOut());
    }
  }

  /** Whether a reader looks at files that are older than its program. */
  #mayMeetOlder() {
    const { readOnly, version } = this.#options;
    return readOnly && version > 1 && call(() => this.#core.mayMeetOlder());
  }

  /** As `#look`, at once, and with all that is to be migrated: no caller sees a record that is not, or a part of the news. */
  #lookAndMigrate() {
    let news;
    try {
      news = call(() => this.#core.followWhole());
      migrateFound(this.#core, this.#options.migrate);
    } catch (error) {
      call(() => this.#core.restore());
      throw error;
    }
    call(() => this.#core.forgetSaved());
    this.takeForeign();
    this.#takeOver(news);
    return null;
  }

  /** What a look brought, or the promise of it. One that fails may have come upon something as well. */
  #lookAtOnce(mayWait) {
    try {
      return call(() => this.#core.follow(mayWait));
    } catch (error) {
      this.#manifest.forget();
      this.takeForeign();
      throw error;
    }
  }

  /** Takes over what a look brought, as JSON; `null` if nothing. */
  #takeOver(news) {
    if (news === null) return;
    this.#manifest.forget();
    const followed = JSON.parse(news);
    this.#apply(followed);
    if (!followed.outdated || this.#renewing !== null) return;
    this.#renewing = this.#renew();
    // The call that looks awaits it; for others the snapshot in memory still does.
    this.#renewing.catch(() => {});
  }

  /** Resolves when the current snapshot was put in the place of an older one. */
  async renewed() {
    this.#renewing ??= this.#renew();
    await this.#renewing;
  }

  /** Puts the current snapshot in the place of an older one, while writes go on. */
  async #renew() {
    try {
      // A snapshot may be superseded while it is loaded; the last of these attempts has no more reason to fail.
      for (let attempt = 0, again = true; again && attempt < RENEWALS; attempt++) {
        const followed = JSON.parse(await this.changing(this.#core.renew()));
        this.#apply(followed);
        again = followed.outdated;
      }
    } finally {
      this.#renewing = null;
    }
  }

  /** Takes over what another hand wrote. */
  #apply(followed) {
    const { applied, changed, undone, reloaded, reordered, skipped } = followed;
    warnOfSkippedLines(skipped);
    if (applied.length + changed.length + undone > 0 || reloaded) this.#history.forget();
    // Each id is followed by whether the record was set.
    const touched = () => [...changed, ...applied.filter((_, place) => place % 2 === 0)];
    if (reloaded) this.#records.forget();
    else if (undone > 0 || reordered) this.#records.reorder(touched());
    else
      for (let place = 0; place < applied.length; place += 2) {
        if (applied[place + 1]) this.#records.changed(applied[place]);
        else this.#records.deleted(applied[place]);
      }
    this.migrateFound();
  }
}

/** The manifest in force, read when a caller asks for it. */
class CurrentManifest {
  #core;
  #manifest = null;

  constructor(core) {
    this.#core = core;
  }

  get() {
    this.#manifest ??= JSON.parse(this.#core.manifest());
    return this.#manifest;
  }

  /** There may be another. */
  forget() {
    this.#manifest = null;
  }
}

module.exports = { CurrentManifest, Following };
