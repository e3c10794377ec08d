/** Many lives of folders that change hands: generates, runs, shrinks what fails, and says how to run it again. */
import fc from "fast-check";
import { memoryFolder } from "../../helpers/memory-folder.mjs";
import { ModelClock } from "../clock.mjs";
import { sequence } from "../sequence-arbitrary.mjs";
import { handsStep, runStep } from "./steps.mjs";
import { HandsWorld } from "./world.mjs";

/** What lives of this number must have seen. */
const completeFrom = 100;
const required = [
  "a single writer",
  "an agent",
  "a program that is too old",
  "a writer that another has overtaken",
  "a line of another hand in the log of a single writer",
  "a line of another hand in the log of an agent",
  "an undo",
  "an operation that was told",
  "an operation that was told to a store that loads nothing",
  "a folder that was put back under a reader",
];

class Facts {
  counts = new Map();

  note(fact) {
    this.counts.set(fact, (this.counts.get(fact) ?? 0) + 1);
  }

  missing() {
    return required.filter((fact) => !this.counts.has(fact));
  }
}

async function live(Store, steps, facts) {
  const place = memoryFolder("opslog-hands-");
  const clock = new ModelClock();
  const world = new HandsWorld({ Store, clock, root: place.folder, facts });
  clock.install();
  let at = "the end";
  try {
    for (const [n, step] of steps.entries()) {
      at = `step ${n} (${step.step})`;
      world.beginStep();
      await runStep(world, step);
    }
    at = "the end";
    await world.end();
  } catch (error) {
    error.message = `at ${at}: ${error.message}`;
    throw error;
  } finally {
    await world.leave();
    clock.uninstall();
    place.remove();
  }
}

/** `failure` is `null`, or a text with the shrunk steps; `counts` says what happened how often, `missing` what never did. */
export async function runHands({ lives, length = 40, seed, path, shrink = true }) {
  const { Store } = await import("../../../index.mjs");
  const facts = new Facts();
  const property = fc.asyncProperty(sequence(handsStep, length), (steps) => live(Store, steps, facts));
  const details = await fc.check(property, { seed, path, numRuns: lives, endOnFailure: !shrink });
  const missing = lives < completeFrom || details.failed ? [] : facts.missing();
  return { failure: failureOf(details, length), counts: facts.counts, missing, lives: details.numRuns };
}

function failureOf(details, length) {
  if (!details.failed) return null;
  const [steps] = details.counterexample ?? [[]];
  const command = `node campaigns/model.mjs --hands --commands ${length} --seed ${details.seed}`;
  return [
    details.errorInstance?.stack ?? String(details.errorInstance),
    `shrunk ${details.numShrinks} times, to ${steps.length} steps:`,
    ...steps.map((step, n) => `  ${n} ${JSON.stringify(step)}`),
    `run it again: ${command} --sequences 1 --path ${details.counterexamplePath}`,
    `run it and shrink it again: ${command} --sequences ${details.numRuns}`,
  ].join("\n");
}
