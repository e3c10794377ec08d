"use strict";

// What the function of a batch gets: `set` and `delete`, of use only while the function runs.

const { messages, opslogError } = require("../errors/errors");

/** Calls the function of a batch of a store. */
function callWithHandle(store, fn) {
  let isOver = false;
  const ensure = () => {
    if (isOver) throw opslogError("OPSLOG_INVALID_ARGUMENT", messages.batchOver(), { kind: "TypeError" });
  };
  const handle = Object.freeze({
    set: (id, value) => {
      ensure();
      store.set(id, value);
    },
    delete: (id) => {
      ensure();
      store.delete(id);
    },
  });
  try {
    return fn(handle);
  } finally {
    isOver = true;
  }
}

module.exports = { callWithHandle };
