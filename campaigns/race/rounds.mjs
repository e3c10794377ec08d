/** The kinds of rounds: what lies in the folder, who opens it, and what must come of it. */
import { openSync, writeFileSync, closeSync } from "node:fs";
import { join } from "node:path";

/** A pid that no process has. */
export const DEAD_PID = 2 ** 22 - 1;

const lock = (folder) => join(folder, ".lock");

// What `.lock` is before the round; each may return something to undo after it.
const locks = {
  none: () => {},
  stale: (folder) => writeFileSync(lock(folder), String(DEAD_PID)),
  empty: (folder) => writeFileSync(lock(folder), ""),
  "of a process that is no store": (folder) => writeFileSync(lock(folder), String(process.pid)),
  garbled: (folder) => writeFileSync(lock(folder), "not a pid"),
  held: (folder) => {
    writeFileSync(lock(folder), String(process.pid));
    const descriptor = openSync(lock(folder), "r+");
    return () => closeSync(descriptor);
  },
};

const ours = { store: "ours", options: {} };
const original = { store: "original", options: {} };
const agent = (n) => ({
  store: "ours",
  options: { agentId: ["constructor", "B", "ä", "a", "ı", "I", "z", "Z"][n] },
});
const eight = (pick) => Array.from({ length: 8 }, (_, n) => pick(n));
const onlyOurs = eight(() => ours);
const oneOriginal = eight((n) => (n === 3 ? original : ours));
const fourOriginals = eight((n) => (n % 2 === 0 ? original : ours));

const single = (title, weight, lockKind, openers, more = {}) => ({
  title,
  weight,
  prepare: locks[lockKind],
  openers,
  winners: 1,
  ...more,
});

// 0.8.1 takes an empty lock, and one that it saw stale before it was taken over, from under its holder;
// so where several of it race, or one of it meets such a lock, only winners among ours are ours to prevent.
const disturbed = { winners: null };

export const kinds = [
  single("single writers, fresh", 20, "none", onlyOurs),
  single("single writers, stale lock", 20, "stale", onlyOurs),
  single("single writers, lock of a process that is no store", 10, "of a process that is no store", onlyOurs),
  single("single writers, empty lock", 1, "empty", onlyOurs),
  single("single writers, garbled lock", 1, "garbled", onlyOurs),
  single("single writers, lock held", 5, "held", onlyOurs, { winners: 0 }),
  single("one 0.8.1 among them, fresh", 10, "none", oneOriginal, { mayBeEmptyHanded: true }),
  single("one 0.8.1 among them, stale lock", 5, "stale", oneOriginal, disturbed),
  single("one 0.8.1 among them, lock held", 3, "held", oneOriginal, { winners: 0 }),
  single("four 0.8.1 among them, fresh", 3, "none", fourOriginals, disturbed),
  { title: "agents, fresh", weight: 20, openers: eight(agent), winners: 8 },
  {
    title: "agents, leftover .compact-lock and .lock",
    weight: 6,
    prepare(folder) {
      writeFileSync(join(folder, ".compact-lock"), String(DEAD_PID));
      locks.stale(folder);
    },
    openers: eight(agent),
    winners: 8,
  },
  {
    title: "agents, a single writer's log",
    weight: 6,
    before: { store: "ours", options: { checkpointOnClose: false } },
    openers: eight(agent),
    winners: 8,
  },
  {
    title: "agents, a single writer's log of 0.8.1",
    weight: 6,
    before: { store: "original", options: { checkpointOnClose: false } },
    openers: eight(agent),
    winners: 8,
  },
  {
    title: "four agents and four single writers",
    weight: 6,
    openers: eight((n) => (n % 2 === 0 ? agent(n) : ours)),
    winners: null,
    eitherOr: true,
  },
];
