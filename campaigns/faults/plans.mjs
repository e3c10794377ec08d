/** The workloads: what is done in the two cycles of a run, the same for the same seed. */
import { hash, Random } from "../soak/random.mjs";

const immediate = { writeMode: "immediate", checkpointThreshold: 1_000_000 };
const plain = { set: 5, delete: 1, together: 2, batch: 2 };

/** What the stores are opened with, and how often each kind of step is taken. */
export const workloads = {
  immediate: { options: { ...immediate, checkpointThreshold: 8 }, steps: plain },
  interval: {
    options: { ...immediate, durability: "interval", syncIntervalMs: 2 },
    steps: { ...plain, pause: 3, flush: 1, compact: 1 },
  },
  always: { options: { ...immediate, durability: "always" }, steps: { ...plain, compact: 1, undo: 1 } },
  group: {
    options: { ...immediate, writeMode: "group", groupCommitSize: 4, groupCommitMs: 3 },
    steps: { ...plain, flush: 1, sync: 1, pause: 1, undo: 1, compact: 1 },
  },
  async: {
    options: { ...immediate, writeMode: "async", groupCommitSize: 4, groupCommitMs: 3 },
    steps: { ...plain, flush: 1, sync: 1, pause: 1, undo: 1, compact: 1 },
  },
  batch: { options: immediate, steps: { batch: 5, set: 1, undo: 1, compact: 1 } },
  undo: { options: immediate, steps: { ...plain, undo: 7 } },
  archive: { options: immediate, steps: { ...plain, set: 8, archive: 3, undo: 1 } },
  compact: { options: immediate, steps: { ...plain, compact: 4, compacting: 3, undo: 1 } },
  // More than a megabyte: with index files.
  large: { options: immediate, large: true, steps: { set: 5, batch: 1, together: 1, compact: 3, undo: 1 } },
  agents: {
    options: immediate,
    agents: ["a", "b"],
    steps: { ...plain, undo: 1, compact: 2, archive: 1, refresh: 1 },
  },
  reader: { options: immediate, reader: true, steps: { ...plain, tail: 6, compact: 2 } },
};

const STEPS = 14;
const KEYS = 9;

/** Cycles with faults; behind them come one that works without, and one that only looks. */
export const FAULTY_CYCLES = 2;

export function optionsOf(workload, seed) {
  return { ...workloads[workload].options, checkpointOnClose: hash(`close ${workload}`, seed) % 2 === 0 };
}

/** The steps of one cycle: each has a kind, who takes it, and its changes, which have numbers that never repeat. */
export function planCycle(workload, seed, cycle) {
  const { agents = [""], steps } = workloads[workload];
  if (cycle > FAULTY_CYCLES) return [];
  if (cycle === FAULTY_CYCLES) return agents.flatMap(soundSteps);
  const random = new Random(hash(`${workload} ${cycle}`, seed));
  let n = cycle * 1000;
  const choose = () => {
    let rest = random.next() * Object.values(steps).reduce((sum, share) => sum + share, 0);
    return Object.keys(steps).find((kind) => (rest -= steps[kind]) < 0);
  };
  const change = (who, deletes) => {
    const id = `${who}${random.below(KEYS)}`;
    return deletes ? { id, n: null } : { id, n: ++n };
  };
  return Array.from({ length: STEPS }, (_, place) => {
    const who = random.pick(agents);
    // Something to begin with: an undo or a deletion of nothing shows little.
    const kind = place < 2 ? "set" : choose();
    const count = { set: 1, delete: 1, together: 2 + random.below(4), batch: 2 + random.below(4) }[kind] ?? 0;
    const changes = Array.from({ length: count }, () =>
      change(who, kind === "delete" || (kind === "batch" && random.chance(0.2))),
    );
    if (kind === "archive") {
      const ids = Array.from({ length: 3 }, () => `${who}${random.below(KEYS)}`);
      return { kind, who, ids, period: `p${cycle}-${place}` };
    }
    return { kind, who, changes };
  });
}

/** What a store can do on which no fault falls. */
function soundSteps(who) {
  return [
    { kind: "set", who, changes: [{ id: `${who}0`, n: 9001 }] },
    { kind: "batch", who, changes: [1, 2].map((place) => ({ id: `${who}${place}`, n: 9001 + place })) },
    { kind: "compact", who, changes: [] },
    { kind: "set", who, changes: [{ id: `${who}3`, n: 9004 }] },
  ];
}

/** The value that a number stands for. 0.8.1 loses records whose text is not ASCII even where nothing fails. */
export function valueOf(n, { store, workload }) {
  const word = store === "original" ? "words " : "wörter ";
  if (workloads[workload].large) return { n, text: word.repeat(30_000 + (n % 9)) };
  return { n, text: word.repeat(n % 7 === 0 ? 700 : n % 13) };
}
