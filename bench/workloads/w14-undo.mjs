import { repeat } from "../measure.mjs";
import { makeId, makePool } from "../record.mjs";

const [LOG, UNDOS] = [10_000, 1000];

async function run({ store, folder, variant }) {
  const handle = await store.open(folder, variant.agentId ? { agentId: variant.agentId } : {});
  const pool = makePool(variant.bytes);
  for (let n = 0; n < LOG; n += 1) await handle.set(makeId(n), pool[n % pool.length]);
  const undo = async () => {
    if (!(await handle.native.undo())) throw new Error("nothing was undone");
    if (!variant.agentId) handle.native.getOps();
  };
  const { calls, ms } = await repeat(undo, { count: UNDOS, limitMs: 3000 });
  if (handle.count() !== LOG - calls) throw new Error("records are wrong");
  await handle.close();
  return { perSecond: (calls * 1000) / ms, calls };
}

export default {
  id: "W14",
  title: "Undo",
  text:
    "1,000 undos over a log of 10,000 operations: with `getOps()` after each, and as an agent. What takes more " +
    "than 3 s is stopped there.",
  note: "One undo is an `ftruncate`, three looks at the file and one read; the system calls are most of it. The first `getOps()` reads and parses the log of 10,000 operations; 0.8.1 keeps the objects of the `set()` calls. After that a `getOps()` copies a list.",
  variants: [
    { name: "with getOps()", bytes: 180 },
    { name: "as an agent", bytes: 180, agentId: "agent" },
  ],
  stores: ["ours", "original"],
  main: "perSecond",
  run,
  targets: [
    { variant: "with getOps()", figure: "perSecond", times: 40, than: "original" },
    { variant: "as an agent", figure: "perSecond", times: 500, than: "original" },
  ],
};
