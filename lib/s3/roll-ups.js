"use strict";

// Roll-ups: 16 parts of a log as one object, 16 of those as one, and so on, so that a log of 10,000 appends is read in few
// requests. They are made behind the appends. They say nothing that the parts do not say: one that is missing costs requests.

const { Buffer } = require("../platform/builtins").buffer;
const { delay } = require("../platform/timers");
const { firstOf, rollUp, rollUpOf, rollUps } = require("./names");

const FAN = 16;
/** How long a roll-up waits behind the append that completed it. */
const PAUSE_MS = 5;
/** Parts above this size are not worth a roll-up: few of them are a long read. */
const LARGEST_BYTES = 4 << 20;

class RollUps {
  #objects;
  /** What is on its way, by log: what a log's roll-ups are made of is made before. */
  #working = new Map();
  /** The last bodies of each level, by log. */
  #levels = new Map();

  constructor(objects) {
    this.#objects = objects;
  }

  /** A part was appended. */
  appended(log, number, body) {
    const first = firstOf(log);
    if (first === null) return;
    const levels = this.#levels.get(log) ?? [];
    this.#levels.set(log, levels);
    this.#add(log, levels, 0, { from: number, to: number, size: body.length, body }, first);
  }

  #add(log, levels, level, piece, first) {
    const pieces = (levels[level] ??= []);
    if (pieces.length > 0 && pieces.at(-1).to + 1 !== piece.from) pieces.length = 0;
    pieces.push(piece);
    // NOTE: what is too much for a roll-up is not held until there would be one.
    if (pieces.reduce((sum, { body }) => sum + body.length, 0) > LARGEST_BYTES) pieces.length = 0;
    const span = FAN ** (level + 1);
    if ((piece.to + 1 - first) % span !== 0) return;
    const all = pieces.splice(0);
    const from = piece.to + 1 - span;
    // What an earlier process appended is not at hand: its parts are read one by one.
    if (all[0]?.from !== from) return;
    const whole = { from, to: piece.to, size: piece.size, body: Buffer.concat(all.map(({ body }) => body)) };
    this.#put(log, whole);
    this.#add(log, levels, level + 1, whole, first);
  }

  #put(log, whole) {
    const before = this.#working.get(log) ?? Promise.resolve();
    // The append that follows is to be on its way first.
    const work = before
      .then(() => delay(PAUSE_MS))
      .then(() => this.#objects.put(rollUp(log, whole), whole.body))
      .catch(() => {});
    this.#working.set(log, work);
    work.then(() => this.#working.get(log) === work && this.#working.delete(log));
  }

  /** The parts are to change: what was made of them must be gone before. */
  async forget(log) {
    this.#levels.delete(log);
    await this.#working.get(log);
    const made = (await this.#objects.list(`${rollUps(log)}/`)).map(({ path }) => rollUpOf(path));
    await this.#objects.deleteAll(made.filter((found) => found !== null).map(({ path }) => path));
  }

  /** A log that is appended to no more. */
  drop(log) {
    this.#levels.delete(log);
  }

  async settled() {
    await Promise.all(this.#working.values());
    this.#levels.clear();
  }
}

module.exports = { RollUps };
