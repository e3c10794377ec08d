/** What a writer does in one life, step by step: the same steps for the same seed, number of the life and state. */
import { hash, Random } from "../soak/random.mjs";

const kinds = [
  ["set", 0.3],
  ["together", 0.32],
  ["batch", 0.14],
  ["delete", 0.08],
  ["undo", 0.08],
  ["flush", 0.03],
  ["sync", 0.02],
  ["compact", 0.025],
  ["reopen", 0.005],
];

export class Work {
  /** How the store is opened in this life. */
  options;
  #random;
  #keys;
  #ordered;

  constructor(life, { seed, keys, ordered }) {
    this.#ordered = ordered;
    this.#random = new Random(hash(`life ${life}`, seed));
    this.#keys = keys;
    this.options = chooseOptions(this.#random);
  }

  get isBuffered() {
    return this.options.writeMode !== "immediate";
  }

  /** The next step: its kind and its operations, given what the store holds before it. */
  next(expected) {
    const chosen = this.#kind();
    const kind = chosen === "undo" && this.#ordered && expected.wouldRevive ? "set" : chosen;
    const count = {
      set: 1,
      delete: 1,
      together: 2 + this.#random.below(63),
      batch: 2 + this.#random.below(15),
    };
    if (kind === "undo") return { kind, operations: [{}] };
    const operations = this.#changes(expected, count[kind] ?? 0, kind === "delete" ? 1 : 0.15);
    if (kind === "batch") for (const operation of operations.slice(0, -1)) operation.more = true;
    return { kind, operations };
  }

  #kind() {
    let rest = this.#random.next();
    return kinds.find(([, share]) => (rest -= share) < 0)?.[0] ?? "set";
  }

  /** Changes of different records. */
  #changes(expected, count, deletions) {
    const ids = new Set();
    while (ids.size < count) ids.add(`id-${this.#random.below(this.#keys)}`);
    return [...ids].map((id, place) => {
      const deletes = expected.has(id) && this.#random.chance(deletions);
      return { id, n: deletes ? null : expected.count + place + 1 };
    });
  }
}

function chooseOptions(random) {
  const writeMode = random.pick(["immediate", "immediate", "immediate", "immediate", "group", "async"]);
  return {
    writeMode,
    groupCommitSize: random.pick([5, 50, 500]),
    groupCommitMs: random.pick([1, 100]),
    checkpointThreshold: random.pick([undefined, undefined, 30, 400, 1_000_000]),
    checkpointOnClose: random.pick([undefined, true, false]),
    durability: random.pick(["process", "process", "process", "process", "interval", "always"]),
    syncIntervalMs: 5,
  };
}
