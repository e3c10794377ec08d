/**
 * Finds out which operations of the last life a store still has: all that were acknowledged, and of those that
 * were under way any first part, batches whole. Anything else is a loss.
 */
import { Expected } from "./expected.mjs";
import { isWhole } from "./values.mjs";
import { Work } from "./work.mjs";

/** Carries a life out again in memory, and yields the state after each operation that a crash may end with. */
function* states({ life, expected: start }, settings, called, idleUndos) {
  const expected = new Expected(start);
  const work = new Work(life, settings);
  let done = 0;
  yield { expected, done };
  while (done < called) {
    for (const operation of work.next(expected).operations) {
      done++;
      if (idleUndos.has(done)) expected.count++;
      else expected.apply(operation);
      if (!operation.more) yield { expected, done };
    }
  }
}

/**
 * Returns what the store holds, as an `Expected`, with how many operations were under way and how many of them
 * survived; or, as `problem`, what is wrong with it.
 */
export function recognise(store, notes, settings) {
  const start = notes.readStart() ?? { life: 0, expected: {} };
  const progress = notes.readProgress();
  const { acknowledged, called } = progress.life === start.life ? progress : { acknowledged: 0, called: 0 };
  const entries = store.entries();
  const last = store.getOps().at(-1);
  const damaged = entries.find(([, value]) => !isWhole(value, settings.large));
  if (damaged !== undefined) return { problem: `${damaged[0]} is damaged: ${JSON.stringify(damaged[1])}` };

  const records = entries.map(([id, { n }]) => [id, n]);
  const idleUndos = notes.readIdleUndos(start.life);
  const underWay = called - acknowledged;
  let nearest = null;
  for (const { expected, done } of states(start, settings, called, idleUndos)) {
    if (!expected.isMetBy(records, last, settings.ordered)) continue;
    if (done >= acknowledged) return { expected, underWay, survived: done - acknowledged };
    nearest = done;
  }
  const lost = nearest === null ? acknowledged : acknowledged - nearest;
  const what = nearest === null ? "no state that the last life went through" : `${lost} operations are lost`;
  return { problem: `${what}; ${acknowledged} were acknowledged, ${underWay} under way`, lost };
}
