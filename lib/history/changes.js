"use strict";

// Reads the history of a store piece by piece, and gives one change after the other. While the caller works on a piece, the
// next one is read.

const { withCaller } = require("../errors/caller-trace");
const { settle } = require("../errors/native");
const { parsePiece } = require("./pieces");

/** Up to so many changes nothing is read ahead: it may be in vain. */
const FEW = 1000;

/** Lets go of what a reader holds that its caller has dropped: the history that it had still to read, and what would wake it. */
const dropped = new FinalizationRegistry(({ source, notices }) => {
  source.close();
  notices?.end();
});

const DONE = Object.freeze({ done: true, value: undefined });

class Changes {
  #begin;
  #codec = null;
  #limit = Infinity;
  #signal;
  /** The history on the native side, once it is begun, and the piece that is being read. */
  #source = null;
  #reading = null;
  #notices = null;
  /** Texts of what comes behind the list: they are parsed one by one, so that what is parsed is soon garbage. */
  #texts = [];
  #list = [];
  #at = 0;
  /** The call that waits for a piece, with those behind it. */
  #waiting = null;
  #isOver = false;
  #isClosing = false;
  #ended;

  /** `begin` opens the history at the first step. `ended` is called when it is over. */
  constructor(begin, ended) {
    this.#begin = begin;
    this.#ended = ended;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  next() {
    if (this.#waiting === null && this.#at < this.#list.length && !this.#signal?.aborted) {
      return Promise.resolve(this.#take());
    }
    const before = this.#waiting;
    const step = before === null ? this.#step() : before.then(() => this.#step());
    const waiting = step.then(
      () => this.#passed(waiting),
      () => this.#passed(waiting),
    );
    this.#waiting = waiting;
    return step;
  }

  /** All changes of the next piece; `null` when it is over. Not to be mixed with `next()`. */
  async piece() {
    if (this.#isOver) return null;
    if (this.#source === null) await this.#open();
    while (!this.#isOver) {
      if (this.#has()) {
        const piece = this.#list.slice(this.#at);
        for (this.#at = this.#list.length; this.#has(); this.#at = this.#list.length)
          for (const change of this.#list) piece.push(change);
        return piece;
      }
      if (!(await this.#read())) this.#end();
    }
    return null;
  }

  async return(value) {
    this.#end();
    return { done: true, value };
  }

  async throw(error) {
    this.#end();
    throw error;
  }

  async [Symbol.asyncDispose ?? Symbol.for("nodejs.asyncDispose")]() {
    this.#end();
  }

  /** The store is closed: what is in its logs is still given, but nothing more comes. */
  close() {
    this.#isClosing = true;
    this.#notices?.notice();
  }

  #passed(waiting) {
    if (this.#waiting === waiting) this.#waiting = null;
  }

  #take() {
    const value = this.#list[this.#at++];
    if (this.#limit !== Infinity && --this.#limit === 0) this.#end();
    return { done: false, value };
  }

  async #step() {
    try {
      if (this.#isOver) return DONE;
      if (this.#source === null) await this.#open();
      while (!this.#isOver) {
        this.#signal?.throwIfAborted();
        if (this.#has()) return this.#take();
        if (!(await this.#read())) this.#end();
      }
      return DONE;
    } catch (error) {
      this.#end();
      throw withCaller(error);
    }
  }

  async #open() {
    const { limit, signal, codec, open, notices } = this.#begin();
    this.#codec = codec;
    this.#limit = limit;
    this.#signal = signal;
    signal?.throwIfAborted();
    if (limit === 0) return this.#end();
    // Wrapped, so that the queue of the store goes on.
    this.#source = await (await open()).source;
    this.#notices = notices?.(signal) ?? null;
    if (!this.#isOver) {
      dropped.register(this, { source: this.#source, notices: this.#notices }, this);
      return;
    }
    this.#source.close();
    this.#notices?.end();
  }

  /** Whether there is a change to be taken. */
  #has() {
    while (this.#at >= this.#list.length) {
      const text = this.#texts.pop();
      if (text === undefined) return false;
      this.#list = this.#codec.changes(parsePiece(text));
      this.#at = 0;
    }
    return true;
  }

  /** Reads the next piece. Returns whether there may be more. */
  async #read() {
    const isLast = this.#isClosing && this.#reading === null;
    const piece = await (this.#reading ?? this.#ask());
    this.#reading = null;
    if (piece === null) {
      if (this.#notices === null || isLast) return false;
      if (!this.#isClosing) await this.#notices.noticed();
      return true;
    }
    // NOTE: before this one is parsed, so that the next one is read meanwhile.
    if (this.#limit > FEW) {
      this.#reading = this.#ask();
      this.#reading.catch(() => {});
    }
    if (this.#source.isParsed === true) {
      this.#list = this.#codec.changes(piece);
      this.#at = 0;
    } else {
      this.#texts = piece.reverse();
    }
    if (this.#has()) this.#notices?.found();
    return true;
  }

  #ask() {
    // NOTE: what is written from now on is noticed, even if this look does not find it.
    this.#notices?.listen();
    return settle(this.#source.next());
  }

  #end() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#texts = [];
    this.#list = [];
    this.#at = 0;
    dropped.unregister(this);
    // NOTE: at once, so that what it held can be pruned.
    this.#source?.close();
    this.#notices?.end();
    this.#ended(this);
  }
}

module.exports = { Changes };
