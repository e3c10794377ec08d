"use strict";

// The protocols of a store, which run natively: begins them, lets them go on turn by turn, has their steps carried out, and settles the
// calls that wait for them.

const { CallerContext } = require("../writing/caller-context");
const { messages, opslogError } = require("../errors/errors");
const { call, decode } = require("../errors/native");
const { inMicrotask } = require("../platform/timers");
const { now } = require("../arguments/values");

/** What a turn does not tell. */
const NONE = Object.freeze([]);

class Protocols {
  #session;
  #steps;
  #records;
  #store;
  #tell;
  /** Changes on their way, by ticket, and protocols, by number. */
  #changes = new Map();
  #tasks = new Map();
  #settled = [];
  /** How many other calls wait until they have arrived. */
  #others = 0;
  /** What broke the protocols, if anything did. */
  #broken = null;

  /**
   * `store` has the store's `folder`, `records` and `meter`, and whether its changes share an append. `tell.turn(told)` is called with what
   * a turn tells, before any call settles; `tell.due()` when a checkpoint is due, `tell.broken()` when no protocol can go on.
   */
  constructor(session, steps, { records, ...store }, tell) {
    this.#session = session;
    this.#steps = steps;
    this.#records = records;
    this.#store = store;
    this.#tell = tell;
  }

  /** Begins a protocol. Returns a promise of its end. */
  async run(protocol, ...args) {
    if (this.#broken !== null) throw this.#broken;
    const number = this.#session[protocol](...args);
    const ended = new Promise((resolve, reject) => this.#tasks.set(number, { resolve, reject }));
    this.#turn();
    return ended;
  }

  /** Makes a change, a deletion where the text is `null`. Returns a promise of its arrival. */
  change(id, text) {
    const ticket = this.#called(id, () => this.#session.change(id, text, now()));
    const arrived = new Promise((resolve, reject) => {
      this.#changes.set(Math.abs(ticket), { resolve, reject, context: new CallerContext() });
    });
    // NOTE: behind that, for a change that is refused settles at once.
    if (ticket < 0) this.#carryAll();
    this.#turn();
    return arrived;
  }

  /** Makes a change that waits in the buffer. Returns how many wait there. */
  changeInBuffer(id, text) {
    const waiting = this.#called(id, () => this.#session.buffer(id, text, now()));
    this.#turn();
    return waiting;
  }

  changeInBatch(id, text, ms) {
    this.#called(id, () => this.#session.changeInBatch(id, text, ms));
  }

  #called(id, change) {
    if (this.#broken !== null) throw this.#broken;
    this.#records.beforeChange(id);
    try {
      return change();
    } catch (error) {
      throw this.#errorOf(error, id);
    }
  }

  /** Carries changes away; where they share an append, when the caller has made all that it makes at once. */
  #carryAll() {
    const carry = () => this.run("carry").catch(() => {});
    if (this.#store.sharesAppends) inMicrotask(carry);
    else carry();
  }

  /** A call waits that `settled()` is to wait for. */
  begun() {
    this.#others++;
  }

  /** It has arrived, or failed. */
  ended() {
    this.#others--;
    this.#settle();
  }

  /** Resolves when everything that was called has arrived or failed, or is in the buffer to stay. */
  async settled() {
    while (this.#changes.size + this.#others > 0) await new Promise((resolve) => this.#settled.push(resolve));
  }

  #settle() {
    if (this.#changes.size + this.#others === 0) for (const resolve of this.#settled.splice(0)) resolve();
  }

  /** Lets the protocols go on, and does what they ask for. */
  #turn() {
    if (this.#broken !== null) return;
    let told;
    try {
      told = JSON.parse(call(() => this.#session.turn(now())));
    } catch (error) {
      this.#break(error);
      return;
    }
    this.#tell.turn(told);
    const { requests = NONE, settled = NONE, ended = NONE } = told;
    for (const request of requests) this.#carry(request);
    for (const [ticket, error] of settled) this.#end(this.#changes, ticket, error);
    for (const [number, error, result] of ended) this.#end(this.#tasks, number, error, result);
    this.#settle();
    if (this.#tasks.size === 0) this.#steps.forgetFailures();
    if (told.due) this.#tell.due();
  }

  /** An error inside of the protocols: no call may wait for them, now or later. */
  #break(error) {
    this.#broken = error;
    this.#tell.broken();
    for (const waiting of [this.#changes, this.#tasks]) {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    }
    this.#settle();
  }

  #carry(request) {
    const { meter } = this.#store;
    if (request.step === "begins") meter.begin(request.phase, request.total);
    else if (request.step === "ends") meter.end();
    else this.#carryFor(this.#changes.get(request.ticket), request).then(() => this.#turn());
  }

  /** Carries a request out in the context of the change that it is for, if it is for one. */
  #carryFor(change, request) {
    const carry = () => this.#steps.carry(request);
    return change === undefined ? carry() : change.context.run(carry);
  }

  #end(waiting, number, error, result) {
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (error === null) resolve(result);
    else reject(this.#errorFrom(error));
  }

  #errorFrom(details) {
    const { folder } = this.#store;
    const { code, message, request, path = code === "OPSLOG_NO_STORE" ? folder : undefined } = details;
    if (code === "OPSLOG_NOT_UNIQUE") return decode(new Error(JSON.stringify(details)));
    const cause = this.#steps.failure(request);
    if (code === "") return cause;
    return opslogError(code, message, {
      ...(cause !== undefined && { cause }),
      ...(path !== undefined && { path }),
    });
  }

  #errorOf(error, id) {
    if (!error?.message?.startsWith("{")) return error;
    const details = JSON.parse(error.message);
    if (details.code === "OPSLOG_NOT_FOUND") return opslogError(details.code, messages.notFound(id));
    return this.#errorFrom(details);
  }
}

module.exports = { Protocols };
