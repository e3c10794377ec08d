/**
 * Random operations on stores whose snapshot and log are long enough for index files, opened again and again by ours and
 * by 0.8.1, compared with a plain Map, and with what ours and 0.8.1 find in a copy.
 */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { original } from "../helpers/original.mjs";
import { filesOf } from "../helpers/stored-state.mjs";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

const manual = { checkpointThreshold: Number.MAX_SAFE_INTEGER, checkpointOnClose: false };
const ids = ["__proto__", "toString", "nul\0", 'q"\\', "a\\u0062", "x".repeat(300), " ", "\n"];
for (let n = 0; n < 40; n++) ids.push(`id-${n}`);

/** Numbers that look random, the same each time (mulberry32). */
function numbersFrom(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What the files say: the records of the last checkpoint and the operations since. */
class Expected {
  #base = [];
  operations = [];
  records = new Map();

  apply(id, value) {
    const { records } = this;
    const stood = [...records.keys()].indexOf(id);
    this.operations.push({ id, value, stood, before: records.get(id) });
    if (value === undefined) records.delete(id);
    else records.set(id, value);
  }

  /** 0.8.1 leaves the record of an undone deletion at the end until the store is opened again. */
  undo(isOurs) {
    const last = this.operations.pop();
    if (last === undefined) return false;
    const { id, value, stood, before } = last;
    if (stood === -1) this.records.delete(id);
    else if (value === undefined && isOurs)
      this.records = new Map([...this.records].toSpliced(stood, 0, [id, before]));
    else this.records.set(id, before);
    return true;
  }

  checkpoint() {
    this.#base = [...this.records];
    this.operations = [];
  }

  reopen() {
    const { operations } = this;
    this.records = new Map(this.#base);
    this.operations = [];
    for (const { id, value } of operations) this.apply(id, value);
  }
}

for (let seed = 1; seed <= 6; seed++) {
  test(`a store with index files, random operations ${seed}, shows what a Map shows`, async (t) => {
    const pick = numbersFrom(seed);
    const folder = await temporaryFolder(t);
    const expected = new Expected();
    const sawIndex = { snap: false, ops: false };
    let store;

    const open = async (Class) => {
      for (const kind of ["snap", "ops"])
        if (filesOf(folder).some((name) => name.startsWith(`index/${kind}-`))) sawIndex[kind] = true;
      store = new Class();
      const cacheSize = [undefined, 1, 3][pick(3)];
      await store.open(folder, { ...manual, cacheSize });
      expected.reopen();
    };
    const change = () => {
      const id = ids[pick(ids.length)];
      const before = expected.records.get(id);
      const fresh = { n: pick(1000), text: "xyz"[pick(3)].repeat(15_000 + pick(30_000)) };
      const value =
        before === undefined || pick(3) > 0 ? fresh : pick(2) ? { ...before, n: pick(9) } : undefined;
      const done = value === undefined ? store.delete(id) : store.set(id, value);
      expected.apply(id, value);
      return done;
    };
    const steps = [
      async () => Promise.all(Array.from({ length: 5 + pick(40) }, change)),
      async () => store.batch(() => Array.from({ length: 5 + pick(10) }, change)),
      async () => {
        for (let n = pick(5); n > 0; n--) t.is(await store.undo(), expected.undo(store instanceof Store));
      },
      async () => {
        for (let n = 0; n < 20; n++) {
          const id = ids[pick(ids.length)];
          t.deepEqual(store.get(id), expected.records.get(id));
          t.is(store.has(id), expected.records.has(id));
        }
        t.is(store.count(), expected.records.size);
      },
      async () => {
        const isEven = ({ n }) => n % 2 === 0;
        t.deepEqual(store.filter(isEven), [...expected.records.values()].filter(isEven));
        t.deepEqual(store.entries(), [...expected.records]);
        const shown = store.getOps().map(({ op, id }) => `${op} ${id}`);
        t.deepEqual(shown, expected.operations.map(({ id, value }) => `${value ? "set" : "delete"} ${id}`)); // prettier-ignore
      },
      async () => {
        if (pick(3) > 0) return;
        await store.compact();
        expected.checkpoint();
      },
    ];

    await open(Store);
    for (let session = 0; session < 15; session++) {
      for (let step = 0; step < 5; step++) await steps[pick(steps.length)]();
      await store.close();
      expected.reopen();
      if (pick(3) === 0) {
        const copy = join(await temporaryFolder(t), "copy");
        await cp(folder, copy, { recursive: true });
        const found = [...expected.records];
        t.deepEqual(await storedEntries(original.Store, copy, { readOnly: true }), found);
        t.deepEqual(await storedEntries(Store, copy, { readOnly: true }), found);
        await rm(join(copy, "index"), { recursive: true, force: true });
        t.deepEqual(await storedEntries(Store, copy), found);
      }
      await open(pick(4) === 0 ? original.Store : Store);
    }
    await store.close();
    t.deepEqual(sawIndex, { snap: true, ops: true });
  });
}
