"use strict";

// A call of a method of the user's backend: with a time limit, and refused where it would call its own store.

const { AsyncLocalStorage } = require("../platform/builtins").asyncHooks;
const { opslogError } = require("../errors/errors");
const { clearTimeout, setTimeout } = require("../platform/timers");

/** What a backend's own code runs in. */
const calling = new AsyncLocalStorage();

/** A call that was not answered within the limit. */
class Unanswered extends Error {}

/** What a method rejected with, as an error: some throw texts, or nothing. */
function asError(method, thrown) {
  if (thrown instanceof Error || (typeof thrown === "object" && thrown !== null && "message" in thrown)) {
    return thrown;
  }
  return opslogError("OPSLOG_IO", `The backend's ${method}() failed: ${String(thrown)}`, { cause: thrown });
}

class Calls {
  #backend;
  #owner;
  #limitMs;

  /** `owner` is the store: what runs in one of these calls must not wait for it. */
  constructor(backend, owner, limitMs) {
    this.#backend = backend;
    this.#owner = owner;
    this.#limitMs = limitMs;
  }

  has(method) {
    return typeof this.#backend[method] === "function";
  }

  /** Calls a method. Rejects with an error, whatever it throws; with `Unanswered` after the limit. */
  run(method, ...args) {
    return this.#within(method, () => this.#backend[method](...args));
  }

  /** Goes through what a method yields, and returns what it returns. Each piece has the time limit of a call. */
  async *pieces(method, ...args) {
    const pieces = await this.#within(method, () => this.#backend[method](...args));
    try {
      for (;;) {
        const { done, value } = await this.#within(method, () => pieces.next());
        if (done) return value;
        yield value;
      }
    } finally {
      // NOTE: not awaited, for one that does not answer does not end either.
      Promise.resolve(pieces.return?.()).catch(() => {});
    }
  }

  async #within(method, work) {
    const call = { owner: this.#owner, method, isRunning: true, outer: calling.getStore() };
    try {
      const answer = calling.run(call, async () => work());
      return await (this.#limitMs === Infinity ? answer : this.#limited(method, answer));
    } catch (thrown) {
      throw thrown instanceof Unanswered ? thrown : asError(method, thrown);
    } finally {
      call.isRunning = false;
    }
  }

  #limited(method, answer) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const message =
          `The backend's ${method}() did not answer within ${this.#limitMs} ms. ` +
          "It may still take effect. The option backendTimeoutMs sets the limit.";
        const error = new Unanswered(message);
        reject(Object.assign(error, { name: "Error", code: "OPSLOG_TIMEOUT" }));
      }, this.#limitMs);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}

/** Calls of a backend that is this package's own: it answers at once, and calls no store. */
class OwnCalls {
  #backend;

  constructor(backend) {
    this.#backend = backend;
  }

  has(method) {
    return typeof this.#backend[method] === "function";
  }

  async run(method, ...args) {
    return this.#backend[method](...args);
  }

  pieces(method, ...args) {
    return this.#backend[method](...args);
  }
}

/** Throws if this code runs in a call of the backend that the store waits for. */
function refuseOwnBackend(owner) {
  let call = calling.getStore();
  while (call !== undefined && !(call.isRunning && call.owner === owner)) call = call.outer;
  if (call === undefined) return;
  const message = `The backend's ${call.method}() must not call the store that called it: both would wait for ever`;
  throw opslogError("OPSLOG_INVALID_ARGUMENT", message);
}

module.exports = { Calls, OwnCalls, refuseOwnBackend, Unanswered };
