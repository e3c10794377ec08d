"use strict";

// One request to the server, sent until it is answered: each attempt has a time limit, and the next one waits longer.
// Whether a failed write took effect is not decided here (see objects.js).

const { opslogError } = require("../errors/errors");
const { clearTimeout, setTimeout } = require("../platform/timers");
const { isThrottled, isTransient } = require("./faults");
const { sendWith } = require("./responses");

const Canceller = AbortController;

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;
/** By how much longer a server is left alone that asks for fewer requests. */
const THROTTLED = 4;

class Requests {
  #client;
  #bucket;
  #timeoutMs;
  #attempts;
  #signal;
  /** What ends the waits and the attempts under way. */
  #ending = new Canceller();
  /** What is to be called then: of each attempt and each wait. */
  #endings = new Set();

  constructor({ client, bucket, requestTimeoutMs, attempts, signal }) {
    this.#client = client;
    this.#bucket = bucket;
    this.#timeoutMs = requestTimeoutMs;
    this.#attempts = attempts;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (signal?.aborted) this.#abort();
  }

  #abort = () => this.#endWith(this.#signal.reason);

  #endWith(reason) {
    this.#ending.abort(reason);
    for (const end of this.#endings) end();
  }

  /** Ends what is under way. */
  end() {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#endWith(opslogError("OPSLOG_NOT_OPEN", "The S3 backend was shut down"));
  }

  /**
   * Sends a command and hands its answer to `take`, within the time limit of the attempt; again while that fails for
   * reasons that may pass. `failed` may settle what an attempt failed with: it returns what the request is answered with.
   */
  async send(Command, input, take = (answer) => answer, failed = undefined) {
    for (let attempt = 1; ; attempt++) {
      this.#ending.signal.throwIfAborted();
      try {
        return await this.#attempt(Command, input, take);
      } catch (error) {
        this.#ending.signal.throwIfAborted();
        const settled = await failed?.(error, attempt);
        if (settled !== undefined) return settled;
        if (!isTransient(error) || attempt >= this.#attempts) throw error;
        await this.#wait(attempt, isThrottled(error));
      }
    }
  }

  async #attempt(Command, input, take) {
    const limit = new Canceller();
    const end = () => limit.abort(this.#ending.signal.reason);
    this.#endings.add(end);
    const timer = setTimeout(() => limit.abort(), this.#timeoutMs);
    try {
      const command = new Command({ Bucket: this.#bucket, ...input });
      return await take(await sendWith(this.#client, command, { abortSignal: limit.signal }));
    } catch (error) {
      if (!limit.signal.aborted || this.#ending.signal.aborted) throw error;
      const message = `The S3 server did not answer within ${this.#timeoutMs} ms. The request may still take effect.`;
      throw opslogError("OPSLOG_TIMEOUT", message, { cause: error });
    } finally {
      clearTimeout(timer);
      this.#endings.delete(end);
    }
  }

  /** Waits for a random time, longer from attempt to attempt, so that many clients do not come back at once. */
  #wait(attempt, wasThrottled) {
    const longest = FIRST_WAIT_MS * 2 ** attempt * (wasThrottled ? THROTTLED : 1);
    return new Promise((resolve) => {
      const endings = this.#endings;
      const timer = setTimeout(done, Math.random() * Math.min(longest, LONGEST_WAIT_MS));
      function done() {
        clearTimeout(timer);
        endings.delete(done);
        resolve();
      }
      endings.add(done);
    });
  }
}

module.exports = { Requests };
