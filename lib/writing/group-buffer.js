"use strict";

// Group and async mode: when the native buffer is flushed. What cannot be flushed stays buffered, and the next
// flush tries again.

const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { call } = require("../errors/native");
const { clearTimeout, setTimeout } = require("../platform/timers");

const failures = diagnostics.channel("opslog:flush-failed");

class GroupBuffer {
  #core;
  #folder;
  #options;
  #flushed;
  #timer = null;

  /** `flushed()` is called after each flush, which may have come upon lines of another process. */
  constructor(core, folder, options, flushed) {
    this.#core = core;
    this.#folder = folder;
    this.#options = options;
    this.#flushed = flushed;
  }

  /** Whether operations wait to be flushed. */
  get isWaiting() {
    return this.#timer !== null;
  }

  /** So many operations are buffered now. In group mode, throws when they fill the buffer and cannot be flushed. */
  grown(buffered) {
    const { groupCommitSize, writeMode } = this.#options;
    if (buffered < groupCommitSize) {
      this.#flushLater();
      return;
    }
    try {
      this.flush();
    } catch (error) {
      if (writeMode === "group") throw error;
      this.#failed(error);
    }
  }

  /** What cannot be written now is tried again in time, also without a further call. */
  flush() {
    this.stop();
    try {
      call(() => this.#core.flush());
    } catch (error) {
      this.#flushLater();
      this.#timer.unref?.();
      throw error;
    } finally {
      this.#flushed();
    }
  }

  stop() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #flushLater() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      try {
        this.flush();
      } catch (error) {
        this.#failed(error);
      }
    }, this.#options.groupCommitMs);
  }

  #failed(error) {
    failures.publish({ folder: this.#folder, error });
  }
}

module.exports = { GroupBuffer };
