/**
 * What a run must have seen at least once: that a pair of commands came up says nothing about what they met.
 * Without these a generator that never makes a delta, say, would pass unnoticed.
 */
const required = [
  "a call beside an unfinished one of another kind",
  "an automatic checkpoint",
  "entries while calls are unfinished",
  "getOps while calls are unfinished",
  "stats while calls are unfinished",
  "an update with a delta",
  "an undo of a delta",
  "an undo of a delete",
  "an undo with nothing to undo",
  "an undo in immediate mode",
  "an undo in group mode",
  "an undo in async mode",
  "a batch that rolled back",
  "a batch in group mode",
  "a batch in async mode",
  "an archive of some records",
  "an archive of none",
  "a missing record",
  "a reader that was told of operations",
  "a reader across a checkpoint",
  "a crash with operations in the log",
  "a restart with operations in the log",
  "a restart of the same object",
  "a migration",
  "a session with skipLoad",
  "calls over a long log that is not replayed",
];
/** These need 0.8.1 on the other side. */
const requiredWithOriginal = ["exchanged folders"];

export class Facts {
  #counts = new Map();

  note(fact) {
    this.#counts.set(fact, (this.#counts.get(fact) ?? 0) + 1);
  }

  noteOutcomes(outcomes, { mode }) {
    for (const { name, value, error } of outcomes) {
      if (name === "undo") this.note(value ? `an undo in ${mode} mode` : "an undo with nothing to undo");
      if (name === "batch") this.note(value?.error ? "a batch that rolled back" : `a batch in ${mode} mode`);
      if (name === "archive" && !error)
        this.note(value > 0 ? "an archive of some records" : "an archive of none");
      if (name === "delete" && error) this.note("a missing record");
    }
  }

  missing({ wide }) {
    return [...required, ...(wide ? [] : requiredWithOriginal)].filter((fact) => !this.#counts.has(fact));
  }

  toString() {
    return [...this.#counts].map(([fact, times]) => `${String(times).padStart(8)} ${fact}`).join("\n");
  }
}
