"use strict";

// What `console.log()`, `util.inspect()` and the REPL show of a store. Looking reads no file, and never fails.

const custom = Symbol.for("nodejs.util.inspect.custom");

class Inspected {
  #show;

  /** `show()` returns what there is to be seen, as a plain object. */
  constructor(show) {
    this.#show = show;
  }

  [custom](depth, options, inspect) {
    const name = nameOf(this);
    if (depth < 0 || typeof inspect !== "function") return `[${name}]`;
    let shown = {};
    try {
      shown = this.#show();
    } catch {
      // The prototype, or a store that cannot say: its name is all there is.
    }
    return `${name} ${inspect(shown, options)}`;
  }
}

function nameOf(object) {
  try {
    const { name } = object.constructor;
    return typeof name === "string" && name !== "" ? name : "Store";
  } catch {
    return "Store";
  }
}

/** What there is to be seen of an open store. */
function shownOf(state, driver, { agentId, readOnly, skipLoad }) {
  return {
    folder: driver.folder,
    state,
    records: driver.records.size,
    operations: driver.history.count,
    ...(agentId !== undefined && { agentId }),
    ...(readOnly && { readOnly }),
    ...(skipLoad && { skipLoad }),
  };
}

module.exports = { Inspected, shownOf };
