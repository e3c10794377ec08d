/**
 * One life: opens the folder, compares it with what the lives before have noted, and writes as fast as it can
 * until it is killed. Says on standard output what it found, and when its first operation is acknowledged.
 */
import { writeSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { Notes } from "./notes.mjs";
import { recognise } from "./recovery.mjs";
import { valueOf } from "./values.mjs";
import { Work } from "./work.mjs";

const settings = JSON.parse(process.argv[2]);
const { folder, life, large, only } = settings;
const { Store } = await import(settings.module);
const say = (message) => writeSync(1, `${JSON.stringify(message)}\n`);
const notes = new Notes(settings.notes);
const work = new Work(life, settings);
const store = new Store();
let expected;
let acknowledged = 0;
let called = 0;
let compacting = Promise.resolve();

async function open() {
  await store.open(folder, only === "verify" ? { readOnly: true } : work.options);
}

function verify() {
  const { expected: found, problem, ...told } = recognise(store, notes, settings);
  if (problem !== undefined) {
    say({ problem, lost: told.lost ?? 1 });
    process.exit(3);
  }
  say({ recovered: { ...told, tornBytes: store.recovery.tornBytes } });
  expected = found;
  expected.forgetAllBut(store.stats().opsCount);
}

/** The steps behind which nothing is left in a buffer. */
const writesAll = new Set(["flush", "sync", "batch", "reopen"]);

const value = (n) => valueOf(n, large);
const change = ({ id, n }) => (n === null ? store.delete(id) : store.set(id, value(n)));

const steps = {
  set: ([operation]) => change(operation),
  delete: ([operation]) => change(operation),
  together: (operations) => Promise.all(operations.map(change)),
  batch: (operations) => store.batch(() => operations.forEach(change)),
  flush: () => store.flush(),
  sync: () => store.sync(),
  async undo() {
    if (!(await store.undo())) notes.noteIdleUndo(life, called);
    else return true;
    return false;
  },
  compact() {
    const before = compacting;
    const upto = called;
    compacting = store.compact().then(() => acknowledge(upto));
    return before;
  },
  async reopen() {
    await compacting;
    await store.close();
    await open();
  },
};

async function step() {
  const { kind, operations } = work.next(expected);
  called += operations.length;
  notes.note(life, acknowledged, called);
  const result = await steps[kind](operations);
  if (kind === "undo" && !result) expected.count++;
  else for (const operation of operations) expected.apply(operation);
  if (!work.isBuffered || writesAll.has(kind)) acknowledge(called);
}

/** So many operations, from the first on, must be there from now on. */
function acknowledge(upto) {
  const isFirst = acknowledged === 0 && upto > 0;
  acknowledged = Math.max(acknowledged, upto);
  notes.note(life, acknowledged, called);
  if (isFirst) say({ begun: true });
}

try {
  await open();
  verify();
  if (only === "verify") {
    await store.close();
  } else {
    notes.noteStart(life, expected);
    notes.note(life, 0, 0);
    for (let n = 1; ; n++) {
      await step();
      if (n % 8 === 0) await turn();
    }
  }
} catch (error) {
  const { code, message, stack } = error;
  say({ problem: `${code ?? ""} ${message}`, stack, lost: 0 });
  process.exit(4);
}
