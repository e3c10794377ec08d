/** The groups of floors by the workload whose targets they take apart. */
const files = {
  W1: "./w01-awaited-inserts.mjs",
  W3: "./w03-get-and-set.mjs",
  W4: "./w04-buffered-inserts.mjs",
  W5: "./w05-batches.mjs",
  W6: "./w06-sets-in-flight.mjs",
  W7: "./w07-gets.mjs",
  W8: "./w08-filter.mjs",
  W9: "./w09-open.mjs",
  W10: "./w10-compact.mjs",
  W11: "./w11-few-sets.mjs",
  W12: "./w12-tail.mjs",
  W13: "./w13-agents.mjs",
  W14: "./w14-undo.mjs",
  W15: "./w15-whole-process.mjs",
  W27: "./w27-agentdb.mjs",
  W27b: "./w27b-small-stores.mjs",
};

export const groupNames = Object.keys(files);

export async function loadGroup(name) {
  return (await import(files[name])).default;
}
