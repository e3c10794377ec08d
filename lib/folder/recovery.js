"use strict";

// What opening a folder found, and what its file system lacks.

class Recovery {
  #core;
  #found;

  constructor(core, report, milliseconds) {
    this.#core = core;
    this.#found = Object.freeze({
      skippedLines: report.skipped,
      tornBytes: report.tornBytes,
      tornPath: report.tornPath,
      indexRebuilt: report.indexRebuilt,
      milliseconds,
      ...(report.missing.length > 0 && { missingLogs: Object.freeze(report.missing.map(Object.freeze)) }),
    });
  }

  /** What opening found, and what the file system has turned out to lack by now. */
  get() {
    const unsupported = this.#core.lacks();
    if (unsupported.length !== (this.#found.unsupported?.length ?? 0)) {
      this.#found = Object.freeze({ ...this.#found, unsupported: Object.freeze(unsupported) });
    }
    return this.#found;
  }
}

module.exports = { Recovery };
