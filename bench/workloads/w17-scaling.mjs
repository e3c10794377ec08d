import { median } from "../figures.mjs";
import { makeId, makeOrder, makeRecord } from "../record.mjs";
import { warmUp } from "./w09-open.mjs";

const SETS = 1000;

async function medianUs(times, work) {
  const taken = [];
  for (let n = 0; n < times; n += 1) {
    const began = performance.now();
    await work(n);
    taken.push((performance.now() - began) * 1000);
  }
  return median(taken);
}

async function run({ store, folder, variant }) {
  await warmUp(store, folder);
  const started = performance.now();
  const handle = await store.open(folder, { checkpoints: "default" });
  const openUs = (performance.now() - started) * 1000;
  const order = makeOrder(variant.records, SETS, 6);
  const set = (n) => handle.set(makeId(order[n]), makeRecord(n, variant.bytes));
  const setUs = await medianUs(SETS, set);
  const undoUs = await medianUs(SETS / 2, () => handle.native.undo());
  const reader = await store.open(folder, { readOnly: true });
  const tailUs = await medianUs(100, async (n) => {
    await set(n);
    if ((await reader.since()).length !== 1) throw new Error("tail() did not tell");
  });
  await reader.close();
  const closing = performance.now();
  await handle.close();
  return { openUs, setUs, undoUs, tailUs, closeUs: (performance.now() - closing) * 1000 };
}

const sizes = [10_000, 100_000, 1_000_000, 5_000_000];
const titles = ["10 k", "100 k", "1 M", "5 M"];

export default {
  id: "W17",
  title: "Scaling",
  text:
    "The same calls on stores of different size, default options: `open()`; an awaited update of a random " +
    "record; `undo()`; a set and a reader's `tail()` that tells of it; `close()`. The calls in the middle are medians.",
  note: "`set()`, `undo()` and `tail()` take the same time at each size: a `set()` reads one page of an index, `undo()` and `tail()` the end of the log. `open()` and `close()` read no record; their times grow far less than the number of records.",
  variants: sizes.map((records, n) => ({ name: titles[n], bytes: 180, records, slow: records > 100_000 })),
  stores: ["ours"],
  repeats: 3,
  fixture: ({ records, bytes }) => ({ kind: "snapshot", records, bytes }),
  figures: {
    openUs: "open, us",
    setUs: "set, us",
    undoUs: "undo, us",
    tailUs: "set and tail, us",
    closeUs: "close, us",
  },
  main: "openUs",
  chart: { lines: ["openUs", "setUs", "undoUs", "tailUs", "closeUs"], title: "us, logarithmic" },
  run,
  targets: [],
};
