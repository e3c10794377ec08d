"use strict";

// What waits for more of the history behind a backend.

const { path } = require("../platform/builtins");
const { Notices } = require("../fs/notices");
const { Polling } = require("../history/polling");

class LogNotices {
  #folder;
  #isOwn;
  #isPrivate;
  #waiting = new Set();
  /** How often the log had changed at the last turn. */
  #logged = 0;

  /**
   * `folder` is watched; where it is `null`, the store is asked. `isOwn` says that only this store writes, `isPrivate` that no other one
   * ever can.
   */
  constructor(folder, { isOwn, isPrivate }) {
    this.#folder = folder;
    this.#isOwn = isOwn;
    this.#isPrivate = isPrivate;
  }

  /** Tells when there may be more of it. What only this store writes keeps no process alive `forListeners`. */
  open(signal, forListeners) {
    const isBackground = forListeners && this.#isOwn;
    const notices =
      this.#folder === null
        ? new Polling(signal, { isBackground, isNeeded: !this.#isPrivate })
        : new Notices(path.join(this.#folder, "ops"), signal, { isBackground });
    this.#waiting.add(notices);
    return {
      listen: () => notices.listen(),
      found: () => notices.found(),
      notice: () => notices.notice(),
      noticed: () => notices.noticed(),
      end: () => {
        this.#waiting.delete(notices);
        notices.end();
      },
    };
  }

  /** The own log has changed so often by now. */
  turned(logged) {
    if (logged === this.#logged) return;
    this.#logged = logged;
    for (const notices of this.#waiting) notices.notice();
  }
}

module.exports = { LogNotices };
