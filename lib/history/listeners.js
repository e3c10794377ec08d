"use strict";

// The listeners of a store. Each has a feed of its own, which tells what comes to count from its registration on, and is called with
// one piece after the other. What a listener does, or fails to do, holds nothing up.

const { tellFailure } = require("../errors/warnings");

class Listener {
  /** The function, as the caller gave it. */
  given;
  /** Resolves when nothing more comes. */
  done;
  #tell;
  #feed;
  #isEnded = false;

  /** `tell` calls the function in the context of its caller. */
  constructor(given, tell, feed) {
    this.given = given;
    this.#tell = tell;
    this.#feed = feed;
    this.done = this.#follow();
  }

  get feed() {
    return this.#feed;
  }

  end() {
    this.#isEnded = true;
    this.#feed.end();
  }

  async #follow() {
    for (let piece = await this.#feed.piece(); piece !== null; piece = await this.#feed.piece()) {
      if (this.#isEnded) return;
      if (piece.length > 0) this.#call(piece);
    }
  }

  #call(changes) {
    try {
      const returned = this.#tell(changes);
      if (typeof returned?.then === "function") Promise.resolve(returned).catch(listenerFailed);
    } catch (error) {
      listenerFailed(error);
    }
  }
}

function listenerFailed(error) {
  tellFailure("OPSLOG_LISTENER_FAILED", 'A listener of "change" failed', error);
}

class Listeners {
  #all = [];

  add(given, tell, feed) {
    this.#all.push(new Listener(given, tell, feed));
  }

  /** The one that was added last, if there is one. */
  remove(given) {
    const place = this.#all.findLastIndex((listener) => listener.given === given);
    if (place !== -1) this.#all.splice(place, 1)[0].end();
  }

  get isEmpty() {
    return this.#all.length === 0;
  }

  /** The store is about to close: no feed begins anew. */
  closing() {
    for (const { feed } of this.#all) feed.closing();
  }

  /** Resolves when everything that counts by now was told. */
  async drain() {
    for (const { feed } of this.#all) feed.finish();
    await Promise.all(this.#all.map(({ done }) => done));
    this.end();
  }

  end() {
    for (const listener of this.#all.splice(0)) listener.end();
  }
}

module.exports = { Listeners };
