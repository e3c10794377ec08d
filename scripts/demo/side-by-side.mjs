/** Runs one step on ours and on 0.8.1, each on its own copy of the folder, and compares what came of it. */
import { isDeepStrictEqual } from "node:util";

export async function timed(run) {
  const start = performance.now();
  const result = await run();
  return { result, ms: performance.now() - start };
}

/** So often each store is opened and read. */
const ROUNDS = 9;

/**
 * Opens both stores' folders and reads them, again and again, in turns: each comes first as often as the other, and both are as warm.
 * Returns the median times, and what was read.
 */
export async function readInTurns(stores, folders, read) {
  const times = stores.map(() => []);
  const results = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const store = new stores[side]();
      const { result, ms } = await timed(async () => {
        await store.open(folders[side], { readOnly: true });
        return read(store);
      });
      await store.close();
      times[side].push(ms);
      results[side] = result;
    }
  }
  return { ms: times.map((list) => list.sort((a, b) => a - b)[ROUNDS >> 1]), results };
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
  #steps = 0;

  constructor(account, ours, original) {
    this.#account = account;
    this.ours = ours;
    this.original = original;
  }

  /** `run` gets a store; what it returns and the records after it must be the same for both. */
  async step(name, what, run) {
    // Each comes first in every other step.
    const isFirst = this.#steps++ % 2 === 0;
    const early = await timed(() => run(isFirst ? this.ours : this.original));
    const late = await timed(() => run(isFirst ? this.original : this.ours));
    const [ours, original] = isFirst ? [early, late] : [late, early];
    const words = typeof what === "function" ? what(ours.result) : what;
    this.#account.row(name, words, ours.ms, original.ms);
    this.#account.expect(isDeepStrictEqual(ours.result, original.result), `${name}: the results differ`);
    const entries = [this.ours, this.original].map((store) => store.entries().sort(byId));
    const found = difference(...entries);
    this.#account.expect(found === null, `${name}: ${found}`);
  }
}
