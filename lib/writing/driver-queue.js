"use strict";

// The driver of a store from open() to close(), and the order in which calls have it to themselves.

const { notOpen } = require("../errors/errors");
const { MutationQueue } = require("./mutation-queue");

class DriverQueue extends MutationQueue {
  /** `null` once the store is closed. */
  driver;
  /** The options that the store was opened with. */
  options;
  #refuseOwnBackend;

  /** `refuseOwnBackend()` throws in a call of the store's own backend; it is `null` where there is none. */
  constructor(driver, options, refuseOwnBackend) {
    super({
      waitFor: () => this.driver.waitForOthers(),
      letGo: () => this.driver?.letGo?.(),
      mayBeThere: () => this.driver?.sharesFolder === true,
      areKeptOut: () => this.driver?.keepsAgentsOut === true,
    });
    this.driver = driver;
    this.options = options;
    this.#refuseOwnBackend = refuseOwnBackend;
  }

  /** Runs a task that nothing may overtake, when everything that was called has arrived. */
  exclusive(task, options) {
    return this.run(this.#settledFirst(task), options);
  }

  /** As `exclusive()`, before all that waits: it needs what the store shows now. */
  next(task) {
    return this.runNext(this.#settledFirst(task));
  }

  /**
   * As `exclusive()`, for what is to be durable when it resolves, as far as the options say. What comes behind it does
   * not wait for that.
   */
  async durably(task, { wanted = "written", alone = false } = {}) {
    if (this.options.durability === "process") return this.exclusive(task, { alone });
    const { result, durable } = await this.exclusive(
      async (driver) => {
        const result = await task(driver);
        return { result, durable: driver[wanted]() };
      },
      { alone },
    );
    await durable;
    return result;
  }

  /**
   * Begins work in its turn. Resolves to its `ending`, for which only the caller waits; with `holdsUp`, what comes behind it does too.
   */
  begin(start, { holdsUp = false } = {}) {
    return this.exclusive((driver) => {
      const ending = Promise.resolve(start(driver));
      ending.catch(() => {});
      // Wrapped, so that the queue goes on.
      return holdsUp ? ending.then(() => ({ ending })) : { ending };
    });
  }

  /** The store is closed: what still waits is refused. */
  end() {
    this.driver = null;
  }

  get isOver() {
    return this.driver === null;
  }

  #settledFirst(task) {
    this.#refuseOwnBackend?.();
    return () => {
      if (this.isOver) throw notOpen();
      const { driver } = this;
      const settled = driver.settled();
      return settled === undefined ? task(driver) : settled.then(() => task(driver));
    };
  }
}

module.exports = { DriverQueue };
