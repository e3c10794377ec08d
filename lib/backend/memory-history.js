"use strict";

// What a store in memory tells of its history: to listeners, and to the journal that changes() reads.

const { ToldFeed } = require("../history/feed");
const { History } = require("../operations/history");
const { Journal } = require("./journal");

/** For the journal, whose readers have their own codec. */
const AS_STORED = { operations: (list) => list };

class MemoryHistory {
  #session;
  #core;
  #codec;
  /** All that is told: the feeds of listeners, and the journal. */
  #feeds = new Set();
  #journal = null;

  constructor(session, core, codec) {
    this.#session = session;
    this.#core = core;
    this.#codec = codec;
  }

  /** A feed of what comes to count from now on. */
  feed() {
    const feed = new ToldFeed(() => this.#ended(feed));
    this.#add(feed);
    return feed;
  }

  /** The journal, kept once it was asked for. */
  journal() {
    if (this.#journal === null) {
      // What does not count yet is told when it does.
      const shown = new History(this.#core, AS_STORED).all();
      const count = Math.max(0, shown.length - this.#session.uncounted());
      this.#journal = new Journal(shown.slice(0, count));
      this.#add(this.#journal);
    }
    return this.#journal;
  }

  /** Tells when there may be more of the journal, if it was asked for. */
  notices(signal) {
    return this.#journal?.notices(signal) ?? null;
  }

  #add(feed) {
    this.#feeds.add(feed);
    if (this.#feeds.size === 1) this.#session.listen();
  }

  #ended(feed) {
    this.#feeds.delete(feed);
    if (this.#feeds.size === 0) this.#session.unlisten();
  }

  /** These changes count now. */
  tell(changes) {
    const feeds = [...this.#feeds];
    for (const feed of feeds) {
      // Each listener gets objects of its own.
      const own = feed === feeds.at(-1) ? changes : JSON.parse(JSON.stringify(changes));
      feed.tell(feed === this.#journal ? own : this.#codec.changes(own));
    }
  }
}

module.exports = { MemoryHistory };
