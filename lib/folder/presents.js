"use strict";

// The records of a store in a folder at one moment, among which those of an earlier place are found.

const { call } = require("../errors/native");
const { concernedBy } = require("../records/concerned");

/** How often the records are looked at that others have outdated meanwhile. */
const MOST_LOOKS = 3;

class Presents {
  #core;
  #following;
  #catchUp;

  /** `catchUp()` takes over what others wrote. */
  constructor(core, following, catchUp) {
    this.#core = core;
    this.#following = following;
    this.#catchUp = catchUp;
  }

  /** All records as they are now. */
  async take() {
    for (let look = 0; look < MOST_LOOKS; look++) {
      await this.#catchUp();
      if (this.#core.hasHead()) await this.#following.changing(this.#core.replayHead());
      const present = call(() => this.#core.present());
      if (present !== null) return present;
      await this.#following.renewed();
    }
    // Others compact all the time.
    return this.#following.changing(this.#core.presentAnew());
  }

  /** Whether an operation that `present` shows was undone since, by this store or another process. */
  async isOutdated(present) {
    await this.#catchUp();
    return present.isOutdated();
  }

  /** The ids of the records that were written to or archived since a position, found at once; `null` if that cannot be told any more. */
  touchedSince(position) {
    const present = call(() => this.#core.present());
    if (present === null) return null;
    try {
      const past = call(() => present.pastAtOnce(position));
      try {
        return [...concernedBy(past)];
      } finally {
        past.close();
      }
    } catch (error) {
      if (error.code === "OPSLOG_POSITION_GONE") return null;
      throw error;
    } finally {
      present.close();
    }
  }
}

module.exports = { Presents };
