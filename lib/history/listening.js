"use strict";

// What a listener of on("change") is told: a feed that begins where the listener is added.

const { checkFunction } = require("../arguments/checks");
const { describe } = require("../arguments/paths");
const { wrongType } = require("../errors/errors");
const { Changes } = require("./changes");
const { Feed } = require("./feed");
const { readWanted } = require("./wanted");

/** Checks the event of a listener, of which there is one, and the listener. */
function checkListener(event, listener, method) {
  if (event !== "change") {
    const got = typeof event === "string" ? JSON.stringify(event) : describe(event);
    throw wrongType(`${method} knows the event "change", got ${got}`);
  }
  checkFunction(listener, method);
}

/** The feed of a store, given the queue of its driver. */
function feedOf(queue, isInBatch) {
  const { driver, options } = queue;
  const place = (isInBatch) => driver.knownPosition?.(isInBatch) ?? driver.position(isInBatch);
  const begin = (after) => {
    if (typeof after !== "string") return driver.changesBehind(after);
    return driver.changes(readWanted({ after, live: true }, (text) => driver.isPosition(text)).native);
  };
  const read = (after) => {
    // NOTE: what waits goes on when it is open: an undo() would take the place away at which it begins.
    const open = () => queue.next(async () => ({ source: await begin(after) }));
    const notices = () => driver.notices(undefined, { forListeners: true });
    return new Changes(
      () => ({ limit: Infinity, codec: options.codec, open, notices }),
      () => {},
    );
  };
  const renew = async () => {
    await queue.exclusive(() => driver.catchUp());
    return place(false);
  };
  const settled = () => queue.exclusive(() => {}).catch(() => {});
  return new Feed({ after: place(isInBatch), read, renew, settled });
}

module.exports = { checkListener, feedOf };
