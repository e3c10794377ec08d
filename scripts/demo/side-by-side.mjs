/** Runs one step on ours and on 0.8.1, each on its own copy of the folder, and compares what came of it. */
import { isDeepStrictEqual } from "node:util";

export async function timed(run) {
  const start = performance.now();
  const result = await run();
  return { result, ms: performance.now() - start };
}

/** Compares entries by their ids. */
export const byId = ([one], [other]) => (one < other ? -1 : 1);

/** Returns in words how two lists of entries differ, or null when they do not. */
export function difference(ours, theirs) {
  if (ours.length !== theirs.length)
    return `${ours.length} records on one side, ${theirs.length} on the other`;
  for (let n = 0; n < ours.length; n++) {
    if (!isDeepStrictEqual(ours[n], theirs[n])) return `record ${ours[n][0]} differs from ${theirs[n][0]}`;
  }
  return null;
}

export class SideBySide {
  #account;

  constructor(account, ours, original) {
    this.#account = account;
    this.ours = ours;
    this.original = original;
  }

  /** `run` gets a store; what it returns and the records after it must be the same for both. */
  async step(name, what, run) {
    const ours = await timed(() => run(this.ours));
    const original = await timed(() => run(this.original));
    const words = typeof what === "function" ? what(ours.result) : what;
    this.#account.row(name, words, ours.ms, original.ms);
    this.#account.expect(isDeepStrictEqual(ours.result, original.result), `${name}: the results differ`);
    const entries = [this.ours, this.original].map((store) => store.entries().sort(byId));
    const found = difference(...entries);
    this.#account.expect(found === null, `${name}: ${found}`);
  }
}
