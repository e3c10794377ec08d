/** What a run did, as text, and what it should have done and did not. */

/** Runs shorter than this can't be expected to have every pair. */
const completeFrom = 2000;

export function summaryOf({ matrix, allowed, facts, seconds, runs, seed }) {
  return [
    "How often each command followed each other one (`~`: called without waiting):",
    matrix.toString(),
    `${runs} sequences, ${matrix.total} transitions, seed ${seed}, ${seconds.toFixed(1)} s`,
    `rarest pair ${matrix.rarest()} times; pairs missing: ${matrix.missing().length}`,
    "What happened, how often:",
    facts.toString(),
    "Comparisons left out, by the entry of differences.mjs that allows it:",
    ...(allowed.size > 0
      ? [...allowed].map(([name, times]) => `${String(times).padStart(8)} ${name}`)
      : ["    none"]),
  ].join("\n");
}

/** Pairs of commands and facts that a run of this length must have had. */
export function gapsOf({ matrix, facts, runs }, { wide = false } = {}) {
  if (runs < completeFrom) return [];
  return [...matrix.missing(), ...facts.missing({ wide })];
}
