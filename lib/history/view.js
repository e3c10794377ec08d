"use strict";

// The store as it was at an earlier place of its history. It is read-only, and reads texts only when it is asked: the native
// side holds the records of now under a layer of what was different then.

const { checkFunction, checkIds } = require("../arguments/checks");
const { messages, notOpen, opslogError } = require("../errors/errors");
const { call } = require("../errors/native");
const queries = require("../queries/calls");
const { Finding } = require("../queries/find");
const { parseRange, scanThrough } = require("../queries/walks");

class View {
  #core;
  #codec;
  #isOver;

  /** `isOver()` says whether the store was closed. */
  constructor(core, codec, isOver) {
    this.#core = core;
    this.#codec = codec;
    this.#isOver = isOver;
  }

  get(id) {
    this.#ensureOpen();
    if (typeof id !== "string") return undefined;
    const text = call(() => this.#core.get(id));
    // An empty text is a record whose value is `undefined`.
    return text === null || text === "" ? undefined : this.#codec.value(JSON.parse(text));
  }

  has(id) {
    this.#ensureOpen();
    return typeof id === "string" && call(() => this.#core.has(id));
  }

  count(predicate) {
    this.#ensureOpen();
    if (!predicate) return call(() => this.#core.count());
    checkFunction(predicate, "count()");
    let matching = 0;
    for (const [id, value] of this.#pairs()) if (predicate(value, id)) matching++;
    return matching;
  }

  keys() {
    this.#ensureOpen();
    return flattened(this.#lists(true));
  }

  all() {
    this.#ensureOpen();
    return Array.from(this.#pairs(), ([, value]) => value);
  }

  entries() {
    this.#ensureOpen();
    return [...this.#pairs()];
  }

  filter(predicate) {
    this.#ensureOpen();
    checkFunction(predicate, "filter()");
    const matching = [];
    for (const [id, value] of this.#pairs()) if (predicate(value, id)) matching.push(value);
    return matching;
  }

  async find(query, options) {
    return queries.find(this.#searched(), query, options);
  }

  async findIds(query, options) {
    return queries.findIds(this.#searched(), query, options);
  }

  async findOne(query, options) {
    return queries.findOne(this.#searched(), query, options);
  }

  async countWhere(query, options) {
    return queries.countWhere(this.#searched(), query, options);
  }

  async explain(query, options) {
    return queries.explain(this.#searched(), query, options);
  }

  getMany(ids) {
    this.#ensureOpen();
    checkIds(ids);
    return ids.map((id) => this.get(id));
  }

  values() {
    this.#ensureOpen();
    return valuesOf(this.#pairs());
  }

  [Symbol.iterator]() {
    this.#ensureOpen();
    return this.#pairs();
  }

  async *scan(options) {
    this.#ensureOpen();
    const steps = scanThrough(this.#core, parseRange(options), { codec: this.#codec, begun: () => {} });
    for await (const pair of steps) {
      this.#ensureOpen();
      yield pair;
    }
  }

  /** Lets go of what the view holds. Calling it twice does nothing. */
  close() {
    this.letGo();
    this.#core = null;
  }

  /** Lets go of the records, whose store is closed. */
  letGo() {
    this.#core?.close();
  }

  [Symbol.dispose]() {
    this.close();
  }

  /** The records as queries see them: no index is kept of an earlier state. */
  #searched() {
    this.#ensureOpen();
    const begin = (parsed) => new Finding(this.#core, parsed, { codec: this.#codec });
    return { find: begin, found: (parsed) => begin(parsed).values() };
  }

  #ensureOpen() {
    if (this.#core === null) throw opslogError("OPSLOG_NOT_OPEN", messages.viewClosed());
    if (this.#isOver()) throw notOpen();
  }

  *#lists(idsOnly) {
    const walk = call(() => this.#core.walk(idsOnly));
    try {
      for (let text = call(() => walk.next()); text !== null; text = call(() => walk.next()))
        yield JSON.parse(text);
    } finally {
      walk.close();
    }
  }

  *#pairs() {
    for (const list of this.#lists(false)) {
      for (let i = 0; i < list.length; i += 2) {
        // `null, id` stands for a record whose value is `undefined`.
        if (list[i] === null) yield [list[i + 1], undefined];
        else yield [list[i], this.#codec.value(list[i + 1])];
      }
    }
  }
}

function* flattened(lists) {
  for (const list of lists) yield* list;
}

function* valuesOf(pairs) {
  for (const [, value] of pairs) yield value;
}

module.exports = { View };
