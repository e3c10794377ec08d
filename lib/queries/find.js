"use strict";

// Queries: the arguments of find() and its like, and the steps of one. What a query means is the native side's affair.

const { readCount, readLimit, readSignal } = require("../arguments/checks");
const { wrongType } = require("../errors/errors");
const { call, settle } = require("../errors/native");
const { checkNames } = require("../arguments/option-names");
const { describe } = require("../arguments/paths");
const { loopTurn } = require("../platform/timers");
const { Patterns } = require("./patterns");
const { QueryText } = require("./text");

const OPTIONS = ["sort", "skip", "limit", "fields", "signal"];

/** What find() was asked for, read at the call: the caller may change its objects afterwards. */
function parseFind(query, options, method, { names = OPTIONS, counts = false, ids = false } = {}) {
  checkNames(options, names, method);
  const { sort, fields } = options ?? {};
  const { text, patterns } = new QueryText(query, "query");
  return {
    text,
    patterns,
    signal: readSignal(options),
    selection: {
      sort: printOption(sort, "sort"),
      skip: readCount(options, "skip") ?? 0,
      limit: readLimit(options),
      fields: printOption(fields, "fields"),
      counts,
      ids,
    },
  };
}

function printOption(value, name) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object") {
    const wanted = name === "sort" ? "an object of fields" : "a list of fields, or an object of them";
    throw wrongType(`option ${name} must be ${wanted}, got ${describe(value)}`);
  }
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw wrongType(`option ${name} cannot be read as JSON: ${cause?.message ?? String(cause)}`, cause);
  }
}

const valueOf = ({ ids }, codec) => (ids ? (id) => id : (value) => codec.value(value));

/** The values that a query finds, or the ids: at once what an index leads to, if that is little. */
async function valuesOf(core, parsed, context) {
  const { text, selection, signal } = parsed;
  signal?.throwIfAborted();
  const few = context.indexes?.areDeclared ? call(() => core.findFew(text, selection)) : null;
  if (few !== null) return JSON.parse(few).map(valueOf(selection, context.codec));
  return new Finding(core, parsed, context).values();
}

/** A query that was begun: it sees the records as they are at this moment. */
class Finding {
  #find;
  #patterns;
  #signal;
  #valueOf;
  #indexes;

  constructor(core, { text, patterns, selection, signal }, { codec, indexes }) {
    signal?.throwIfAborted();
    this.#valueOf = valueOf(selection, codec);
    this.#indexes = indexes;
    this.#find = call(() => core.find(text, selection));
    this.#patterns = new Patterns(patterns);
    this.#signal = signal;
  }

  /** The values that were found, or the ids. */
  async values() {
    await this.#run();
    const values = [];
    for (let list = this.#take(); list !== null; list = this.#take()) {
      // A list takes a millisecond or two to parse: other work goes on in between.
      if (values.length > 0) await loopTurn();
      this.#signal?.throwIfAborted();
      for (const value of JSON.parse(list)) values.push(this.#valueOf(value));
    }
    return values;
  }

  /** How many records meet the query. */
  async count() {
    return (await this.effort()).matched;
  }

  /** How the query was carried out. */
  async effort() {
    if (call(() => this.#find.atOnce())) this.#ensureIndexes();
    else await this.#run();
    return call(() => this.#find.effort());
  }

  /** A search that found no index where one was declared lets it be made. */
  #ensureIndexes() {
    if (call(() => this.#find.isIndexMissing())) this.#indexes.ensure();
  }

  #take() {
    return call(() => this.#find.take());
  }

  async #run() {
    const cancel = () => this.#find.cancel();
    this.#signal?.addEventListener("abort", cancel, { once: true });
    try {
      let answers = null;
      for (;;) {
        const questions = await settle(this.#find.step(answers));
        this.#signal?.throwIfAborted();
        if (questions === null) {
          this.#ensureIndexes();
          return;
        }
        answers = this.#patterns.answer(JSON.parse(questions));
      }
    } finally {
      this.#signal?.removeEventListener("abort", cancel);
    }
  }
}

/** What findIds() was asked for. */
function parseIds(query, options) {
  return parseFind(query, options, "findIds()", { names: ["sort", "skip", "limit", "signal"], ids: true });
}

module.exports = { Finding, parseFind, parseIds, valuesOf };
