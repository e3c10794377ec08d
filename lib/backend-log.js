"use strict";

// Appends through a backend in JS. In immediate mode each change shows at the call and is carried away on its
// own, in order; when one does not arrive, it is taken back from under those that were called after it. In
// group and async mode changes wait in a buffer that is carried away as one.

const diagnostics = require("./builtins").diagnosticsChannel;
const { Sealed } = require("./backend-agent");
const { CallerContext } = require("./caller-context");
const { deleteRecord, setText } = require("./native-errors");
const { clearTimeout, setTimeout } = require("./timers");
const { count, countRefusal } = require("./turns");
const { now } = require("./values");

const flushFailures = diagnostics.channel("opslog:flush-failed");

class BackendLog {
  #core;
  #options;
  #append;
  #on;
  #inFlight = [];
  #pumping = null;
  #buffer = [];
  #flushing = null;
  /** The newest call that waits for the buffer, which was full: if that cannot be carried away, it is taken back. */
  #filling = null;
  #timer = null;

  /**
   * `append` carries a list of operations away. When it says that the log was sealed, `move` goes over to the
   * next one and returns the clock to be raised to with `raiseClock`. `beforeChange`, `changed` and `takenBack` are told which
   * records that concerns.
   */
  constructor(core, options, { append, ...on }) {
    this.#core = core;
    this.#options = options;
    this.#append = append;
    this.#on = on;
  }

  get isBuffered() {
    return this.#options.writeMode !== "immediate";
  }

  /** Takes a change (`text` is `null` for a deletion). Returns a promise that it has arrived. */
  add(id, text) {
    if (this.isBuffered) return this.#addToBuffer(id, text);
    // The first one is carried away at its call.
    const context = this.#pumping === null ? null : new CallerContext();
    const change = { id, text, ms: now(), context };
    if (this.#inFlight.length === 0) this.#core.beginBatch();
    try {
      change.line = this.#draft(change);
    } catch (error) {
      if (this.#inFlight.length === 0) this.#core.commitBatch();
      throw error;
    }
    return new Promise((resolve, reject) => {
      this.#inFlight.push(Object.assign(change, { resolve, reject }));
      this.#pumping ??= this.#pump();
    });
  }

  /** Resolves when everything that was called has arrived, or failed, or is in the buffer to stay. */
  async settled() {
    while (this.#pumping !== null) await this.#pumping;
    while (this.#filling !== null) await this.#filling.catch(() => {});
  }

  /** Carries the buffer away. What does not arrive stays in it. */
  async flush() {
    while (this.#pumping !== null) await this.#pumping;
    while (this.#flushing !== null) await this.#flushing.catch(() => {});
    if (this.#buffer.length === 0) return;
    this.#clearTimer();
    const carried = this.#buffer.length;
    this.#flushing = this.#append(this.#buffer.map(({ line }) => JSON.parse(line)));
    try {
      await this.#flushing;
      this.#buffer.splice(0, carried);
    } finally {
      this.#flushing = null;
      if (this.#buffer.length > 0) this.#flushLater();
    }
  }

  /** Takes the newest buffered change back; `false` if there is none. */
  async takeBack() {
    while (this.#flushing !== null) await this.#flushing.catch(() => {});
    return this.#buffer.pop() !== undefined;
  }

  stop() {
    this.#clearTimer();
  }

  /** Applies a change in memory and returns the line that is to be stored. */
  #draft({ id, text, ms }) {
    this.#on.beforeChange(id);
    if (text === null) deleteRecord(this.#core.handle(), id, ms, false);
    else setText(this.#core.handle(), id, text, ms, false);
    this.#on.changed([id]);
    return this.#core.lastLines(1)[0];
  }

  async #pump() {
    while (this.#inFlight.length > 0) {
      const change = this.#inFlight[0];
      let due;
      try {
        const carry = () => this.#carry(change);
        await (change.context === null ? carry() : change.context.run(carry));
        this.#inFlight.shift();
        this.#core.commitFirst();
        change.resolve();
        due = count(1);
      } catch (error) {
        this.#inFlight.shift();
        this.#redraft([change]);
        change.reject(error);
        due = countRefusal();
      }
      if (due !== null && this.#inFlight.length > 0) await due;
    }
    this.#core.commitBatch();
    this.#pumping = null;
  }

  /** Carries the first change in flight away: again, behind what others wrote, if its log was sealed. */
  async #carry(change) {
    for (;;) {
      const operation = JSON.parse(change.line);
      if (change.first !== undefined) operation.again = change.first;
      try {
        await this.#append([operation]);
        return;
      } catch (error) {
        if (!(error instanceof Sealed)) throw error;
      }
      change.first ??= operation.clock;
      this.#redraft([], await this.#on.move());
    }
  }

  /** Takes all changes in flight back and applies them anew, without those that were `removed`. */
  #redraft(removed, clock = 0) {
    this.#core.abandonBatch();
    this.#on.takenBack([...removed, ...this.#inFlight].map(({ id }) => id));
    this.#on.raiseClock(clock);
    this.#core.beginBatch();
    this.#inFlight = this.#inFlight.filter((change) => {
      try {
        change.line = this.#draft(change);
        return true;
      } catch (error) {
        change.reject(error);
        return false;
      }
    });
  }

  async #addToBuffer(id, text) {
    const change = { id, line: this.#draft({ id, text, ms: now() }) };
    this.#buffer.push(change);
    if (this.#buffer.length < this.#options.groupCommitSize) {
      this.#flushLater();
      return;
    }
    if (this.#options.writeMode === "async") {
      this.flush().catch((error) => flushFailures.publish({ error }));
      return;
    }
    const filling = this.#fill(change);
    this.#filling = filling;
    try {
      await filling;
    } finally {
      if (this.#filling === filling) this.#filling = null;
    }
  }

  /** Carries the full buffer away, or takes the change back that filled it. */
  async #fill(change) {
    try {
      await this.flush();
    } catch (error) {
      // Others may have come behind it, and then it waits with them.
      if (this.#buffer.at(-1) !== change) return;
      this.#buffer.pop();
      this.#core.takeBack();
      this.#on.takenBack([change.id]);
      throw error;
    }
  }

  #flushLater() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.flush().catch((error) => flushFailures.publish({ error }));
    }, this.#options.groupCommitMs);
  }

  #clearTimer() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }
}

module.exports = { BackendLog };
