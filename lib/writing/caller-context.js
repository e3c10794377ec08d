"use strict";

// The async context of a call (AsyncLocalStorage, tracing). A call that waits for its turn keeps its context, so that
// the functions and the backend of the caller run in it, whichever call is carried out before.

const { AsyncResource } = require("../platform/builtins").asyncHooks;

/** Keeps the current context. It costs a tenth of what `AsyncLocalStorage.snapshot()` does. */
class CallerContext {
  #resource = new AsyncResource("opslog.call");

  /** Runs `work` in the context that was current when this was made. Returns its result. */
  run(work) {
    return this.#resource.runInAsyncScope(work);
  }
}

/** A function that always runs in the context that is current now. */
function inCurrentContext(callback) {
  const resource = new AsyncResource("opslog.callback");
  return (...args) => resource.runInAsyncScope(callback, undefined, ...args);
}

module.exports = { CallerContext, inCurrentContext };
