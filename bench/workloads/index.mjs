/** The workloads by id. */
const files = {
  W1: "./w01-awaited-inserts.mjs",
  W2: "./w02-synced-inserts.mjs",
  W3: "./w03-get-and-set.mjs",
  W4: "./w04-buffered-inserts.mjs",
  W5: "./w05-batches.mjs",
  W6: "./w06-sets-in-flight.mjs",
  W7: "./w07-gets.mjs",
  W8: "./w08-filter.mjs",
  W9: "./w09-open.mjs",
  W9b: "./w09b-long-log.mjs",
  W10: "./w10-compact.mjs",
  W11: "./w11-few-sets.mjs",
  W12: "./w12-tail.mjs",
  W13: "./w13-agents.mjs",
  W14: "./w14-undo.mjs",
  W15: "./w15-whole-process.mjs",
  W16: "./w16-short-sessions.mjs",
  W17: "./w17-scaling.mjs",
  W18: "./w18-memory.mjs",
  W19: "./w19-history-of-a-record.mjs",
  W20: "./w20-all-changes.mjs",
  W21: "./w21-earlier-state.mjs",
  W22: "./w22-find-by-index.mjs",
  W23: "./w23-find.mjs",
  W24: "./w24-pages.mjs",
  W25: "./w25-prefix.mjs",
  W26: "./w26-indexed-sets.mjs",
  W27: "./w27-agentdb.mjs",
  W27b: "./w27b-small-stores.mjs",
};

export const workloadIds = Object.keys(files);

const floorsOf = /^floors of (.+)$/;

/** A workload, or the floors of one. */
export async function loadWorkload(id) {
  const [, name] = floorsOf.exec(id) ?? [];
  if (name === undefined) return (await import(files[id])).default;
  const { loadGroup } = await import("../floors/groups/index.mjs");
  return loadGroup(name);
}
