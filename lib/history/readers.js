"use strict";

// What reads the history of a store while it is open: changes() under way, the views of at(), and the listeners of on("change").

const { readSignalAlone, readSince } = require("../arguments/checks");
const { messages, notOpen, opslogError } = require("../errors/errors");
const { Changes } = require("./changes");
const { Listeners } = require("./listeners");
const { feedOf } = require("./listening");
const { findPast } = require("./past");
const { readPlace } = require("./place");
const { Remembered } = require("./remembered");
const { View } = require("./view");
const { readWanted } = require("./wanted");

class HistoryReaders {
  #opened;
  /** Those of changes() that are under way. One that waits is held by what it waits for. */
  #changes = new Remembered();
  #views = new Remembered();
  #listeners = new Listeners();

  /** `opened()` returns the queue of the driver, or throws where the store is not open. */
  constructor(opened) {
    this.#opened = opened;
  }

  changes(options) {
    let known = null;
    const changes = new Changes(
      () => {
        const begun = this.#begin(options);
        known = this.#changes.add(changes);
        return begun;
      },
      () => this.#changes.forget(known),
    );
    return changes;
  }

  /** What a reader needs that is about to take its first step. */
  #begin(options) {
    const queue = this.#opened();
    const { driver } = queue;
    const { native, limit, signal } = readWanted(options, (text) => driver.isPosition(text));
    return {
      limit,
      signal,
      codec: queue.options.codec,
      open: () => queue.exclusive(() => ({ source: driver.changes(native) })),
      notices: native.live ? () => driver.notices(signal) : undefined,
    };
  }

  /** The store as it was at a place. */
  async at(when) {
    const queue = this.#opened();
    const { driver, options } = queue;
    if (options.skipLoad) throw opslogError("OPSLOG_SKIP_LOAD", messages.skipLoadPast());
    const where = readPlace(when, "the place", (text) => driver.isPosition(text));
    for (;;) {
      const present = await queue.exclusive(() => driver.present());
      const past = await findPast(present, where, options.migrate);
      const view = new View(past, options.codec, () => queue.isOver);
      let isCurrent = false;
      try {
        if (queue.isOver) throw notOpen();
        // NOTE: a close() from here on lets go of it.
        this.#views.add(view);
        isCurrent = !(await queue.exclusive(() => driver.isOutdated(present)));
        if (isCurrent) return view;
      } finally {
        if (!isCurrent) view.close();
      }
    }
  }

  /** The operations of the logs, as far as they are later than a time. */
  async *logged(since, options) {
    const { driver } = this.#opened();
    const after = readSince(since);
    const signal = readSignalAlone(options, "getWalOps()");
    signal?.throwIfAborted();
    for await (const operation of driver.walOperations()) {
      signal?.throwIfAborted();
      if (after === undefined || operation.ts > after) yield operation;
    }
  }

  /** Adds a listener, which `tell` calls in the context of its caller. Within a batch, its feed begins before it. */
  listen(listener, tell, { queue, isInBatch }) {
    this.#listeners.add(listener, tell, feedOf(queue, isInBatch));
  }

  /** Removes a listener. */
  dismiss(listener) {
    this.#listeners.remove(listener);
  }

  /** The store is about to close: no feed begins anew. */
  closing() {
    this.#listeners.closing();
  }

  /** Whether there are listeners. */
  get areListenedTo() {
    return !this.#listeners.isEmpty;
  }

  /** Tells listeners everything that counts. What fails here fails again when the driver closes. */
  async drain({ driver, options }) {
    try {
      if (!options.readOnly) await driver.flush();
    } catch {
      // See above.
    }
    await this.#listeners.drain();
  }

  /** The store is closed. */
  end() {
    this.#listeners.end();
    this.#changes.end((changes) => changes.close());
    this.#views.end((view) => view.letGo());
  }
}

module.exports = { HistoryReaders };
