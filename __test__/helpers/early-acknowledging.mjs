/** A store that acknowledges before it writes: what a soak or a fault must see. */
import { Store as Sound } from "../../index.mjs";

export class Store extends Sound {
  open(dir, options) {
    if (options.readOnly) return super.open(dir, options);
    return super.open(dir, { ...options, writeMode: "async", groupCommitSize: 500, groupCommitMs: 50 });
  }

  /** Nothing is written when it resolves. */
  async flush() {}
}
