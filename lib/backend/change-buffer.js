"use strict";

// Group and async mode behind a backend: when the buffered changes are carried away. What does not arrive stays buffered, and the next time
// tries again.

const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { clearTimeout, setTimeout } = require("../platform/timers");

const failures = diagnostics.channel("opslog:flush-failed");

class ChangeBuffer {
  #protocols;
  #options;
  #timer = null;

  constructor(protocols, options) {
    this.#protocols = protocols;
    this.#options = options;
  }

  /** So many changes are buffered now. Returns what the last one waits for, if it waits. */
  grown(waiting) {
    if (waiting < this.#options.groupCommitSize) {
      this.#flushLater();
      return undefined;
    }
    this.stop();
    if (this.#options.writeMode !== "async") return this.#fill();
    this.#flushInTurn();
    return undefined;
  }

  /** Flushes behind everything that was called. */
  async flush() {
    await this.#protocols.settled();
    this.stop();
    try {
      await this.#protocols.run("flush");
    } catch (error) {
      this.#flushLater();
      throw error;
    }
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Carries the full buffer away. What does not arrive stays in it, but for the newest change. */
  async #fill() {
    this.#protocols.begun();
    try {
      await this.#protocols.run("fillBuffer");
    } catch (error) {
      this.#flushLater();
      throw error;
    } finally {
      this.#protocols.ended();
    }
  }

  /** Carries the buffer away, for no call. What does not arrive stays in it. */
  async #flushInTurn() {
    try {
      await this.#protocols.run("flushBuffer");
    } catch (error) {
      failures.publish({ error });
      this.#flushLater();
    }
  }

  #flushLater() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#flushInTurn();
    }, this.#options.groupCommitMs);
  }
}

module.exports = { ChangeBuffer };
