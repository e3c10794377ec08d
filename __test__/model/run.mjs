/** Many sequences: generates, runs, shrinks what fails, and says how to run it again. */
import fc from "fast-check";
import { stepArbitrary } from "./commands/index.mjs";
import { Facts } from "./facts.mjs";
import { TransitionMatrix } from "./matrix.mjs";
import { runSequence } from "./run-sequence.mjs";
import { sequence } from "./sequence-arbitrary.mjs";
import { sessionArbitrary } from "./sessions.mjs";
import { subjectsOf } from "./subjects.mjs";

/**
 * Runs `sequences` lists of `length` steps and returns what happened: `failure` is null, or a text with the
 * shrunk list (unless `shrink` is false), the seed and the path. `wide` generates what 0.8.1 can't do, against the ideal store.
 */
export async function runModel({
  sequences,
  length = 40,
  seed,
  path,
  subject = "ours",
  wide = false,
  Subject,
  shrink = true,
}) {
  const subjects = await subjectsOf({ subject, wide, Subject });
  const matrix = new TransitionMatrix();
  const allowed = new Map();
  const facts = new Facts();
  const started = performance.now();
  const property = fc.asyncProperty(runArbitrary({ length, wide }), (run) =>
    runSequence(run, { subjects, matrix, allowed, facts }),
  );
  const details = await fc.check(property, { seed, path, numRuns: sequences, endOnFailure: !shrink });
  const seconds = (performance.now() - started) / 1000;
  return {
    failure: failureOf(details, { length, wide, subject }),
    matrix,
    allowed,
    facts,
    seconds,
    runs: details.numRuns,
    seed: details.seed,
  };
}

function runArbitrary({ length, wide }) {
  const header = fc.record({
    alphabet: wide ? fc.constant("unicode") : fc.constantFrom("ascii", "ascii", "unicode"),
    session: sessionArbitrary({ wide }).map((session) => ({ ...session, skipLoad: false })),
  });
  return fc.record({ header, steps: sequence(stepArbitrary({ wide }), length) });
}

function failureOf(details, { length, wide, subject }) {
  if (!details.failed) return null;
  if (!details.counterexample) return `gave up: ${details.errorInstance ?? "no sequence was run"}`;
  const [{ header, steps }] = details.counterexample;
  const path = details.counterexamplePath;
  const command = `node campaigns/model.mjs --subject ${subject}${wide ? " --wide" : ""} --commands ${length}`;
  return [
    details.errorInstance?.stack ?? String(details.errorInstance),
    `shrunk ${details.numShrinks} times, to ${steps.length} steps:`,
    `  open ${JSON.stringify(header)}`,
    ...steps.map((step, n) => `  ${n} ${JSON.stringify(step)}`),
    `run it again: ${command} --sequences 1 --seed ${details.seed} --path ${path}`,
    `run it and shrink it again: ${command} --sequences ${details.numRuns} --seed ${details.seed}`,
  ].join("\n");
}
