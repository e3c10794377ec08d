"use strict";

// The history of a store in memory: what changes() reads there. It begins with the operations behind the last checkpoint at the
// moment at which it is first asked for, goes through all later checkpoints, ends with the store, and keeps so many changes.

const { applyDelta } = require("../operations/delta");
const { messages, opslogError } = require("../errors/errors");
const { Notices } = require("../history/notices");

/** How many changes are kept. */
const MOST = 100_000;
/** How many are handed over at once. */
const PIECE = 1000;
const POSITION = /^m\d+$/;

const placeOf = (position) => Number(position.slice(1));
const positionOf = (place) => `m${place}`;

function changeOf({ ts, op, id, data, prev, encoding }, at) {
  const before = encoding === "delta" ? applyDelta(data, prev) : prev;
  const position = positionOf(at + 1);
  return op === "set"
    ? { position, ts, type: op, id, value: data, before }
    : { position, ts, type: op, id, before };
}

class Journal {
  #changes;
  /** How many changes are not among those that are told. */
  #first;
  /** The place of the last change that is kept no more. */
  #dropped = 0;
  #readers = new Set();
  #notices = new Set();

  /** Begins with operations, as `getOps()` gives them. */
  constructor(operations) {
    this.#changes = operations.map(changeOf);
    this.#first = operations.length;
  }

  /** Takes changes that count now. */
  tell(changes) {
    const told = [];
    for (const change of changes) {
      if (change.type === "undone") {
        if (this.#changes.length > 0) told.push(this.#takeBack());
      } else {
        const placed = { ...change, position: this.#placed(change.position) };
        if (change.batch !== undefined) placed.batch = this.#placed(change.batch);
        this.#changes.push(placed);
        told.push(placed);
      }
    }
    this.#pass(told);
  }

  #placed(position) {
    return positionOf(placeOf(position) + this.#first);
  }

  #takeBack() {
    const { position, id } = this.#changes.pop();
    return { type: "undone", position, after: this.position, id };
  }

  #pass(told) {
    // NOTE: not for each one: that would move all the others.
    if (this.#changes.length > 2 * MOST) {
      this.#dropped = placeOf(this.#changes.splice(0, MOST).at(-1).position);
    }
    for (const reader of this.#readers) reader.tell(told);
    for (const notices of this.#notices) notices.notice();
  }

  /** Tells when there may be more of it. */
  notices(signal) {
    const notices = new JournalNotices(signal, (ended) => this.#notices.delete(ended));
    this.#notices.add(notices);
    return notices;
  }

  get position() {
    return this.#changes.at(-1)?.position ?? positionOf(this.#dropped);
  }

  isPosition(text) {
    return POSITION.test(text);
  }

  /** Begins to read; `wanted` is what `readWanted()` made of the caller's options. */
  read(wanted) {
    const from = wanted.after === undefined ? this.#beginning(wanted) : this.#behind(wanted.after);
    const changes = this.#changes.slice(from);
    if (wanted.reverse) changes.reverse();
    const reader = new JournalReader(wanted, changes, () => this.#readers.delete(reader));
    if (wanted.live) this.#readers.add(reader);
    return reader;
  }

  #beginning({ since, until }) {
    const [oldest] = this.#changes;
    const isGone = (time) => time !== undefined && this.#dropped > 0 && time < oldest.ts;
    if (isGone(since) || isGone(until)) throw opslogError("OPSLOG_POSITION_GONE", messages.memoryForgot());
    return 0;
  }

  #behind(after) {
    const place = placeOf(after);
    if (place === this.#dropped) return 0;
    const found = this.#changes.findIndex(({ position }) => position === after);
    if (found < 0) throw opslogError("OPSLOG_POSITION_GONE", messages.memoryForgot());
    return found + 1;
  }
}

/** A history that is being read. */
class JournalReader {
  #wants;
  #changes;
  #ended;

  constructor({ since, until, id }, changes, ended) {
    this.#wants = (change) =>
      (id === undefined || change.id === id) &&
      (change.type === "undone" ||
        ((since === undefined || change.ts > since) && (until === undefined || change.ts <= until)));
    this.#changes = changes.filter(this.#wants);
    this.#ended = ended;
  }

  tell(changes) {
    for (const change of changes) if (this.#wants(change)) this.#changes.push(change);
  }

  /** Its changes are no texts. */
  get isParsed() {
    return true;
  }

  /** The next changes, as objects of the caller's own; `null` when there are none at the moment. */
  async next() {
    if (this.#changes.length === 0) return null;
    return JSON.parse(JSON.stringify(this.#changes.splice(0, PIECE)));
  }

  close() {
    this.#ended();
  }
}

/** Tells when there may be more, as the notices of a folder do. */
class JournalNotices extends Notices {
  #ended;

  constructor(signal, ended) {
    super(signal);
    this.#ended = ended;
  }

  end() {
    this.#ended(this);
    super.end();
  }
}

module.exports = { Journal };
