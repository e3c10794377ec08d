import { join } from "node:path";
import { memoryMb, timed } from "../../measure.mjs";
import { makeId, makePool } from "../../record.mjs";
import { loadStore } from "../../stores/index.mjs";
import workload, { agentNames, together } from "../../workloads/w13-agents.mjs";
import { loadFloors } from "../addon.mjs";
import { filesOf, groupOf } from "../group.mjs";

/** One agent, which has a log of its own and takes the lock of all for each line. */
async function floorAgent({ folder, variant, details: { agentId } }) {
  const addon = loadFloors();
  addon.openLog(join(folder, `${agentId}.jsonl`));
  addon.openLock(join(folder, "lock"));
  const pool = makePool(variant.bytes);
  const asked = new Promise((resolve) => process.once("message", resolve));
  process.send("ready");
  await asked;
  const set = async (id, record) => addon.appendLocked(id, JSON.stringify(record));
  for (let n = 0; n < variant.sets; n += 1) await set(`${agentId}-${makeId(n)}`, pool[n % pool.length]);
}

/** An agent of this package that never compacts. */
async function withoutCompaction({ store, ...rest }) {
  const open = (folder, options) => store.open(folder, { ...options, checkpoints: "manual" });
  await workload.parts.agent({ ...rest, store: { ...store, open } });
}

async function idle() {
  const asked = new Promise((resolve) => process.once("message", resolve));
  process.send("ready");
  await asked;
}

const write = (part) => async (context) => {
  const { ms } = await together({ ...context, store: await loadStore("ours") }, part, agentNames);
  return { ms };
};

const merge =
  (steps) =>
  async ({ folder }) => {
    const addon = loadFloors();
    const { logs } = filesOf(folder);
    const before = memoryMb();
    const { ms } = await timed(() => addon.mergeLogs(steps, ...logs));
    return { ms, grownMb: memoryMb() - before };
  };

const writing = {
  "this package, without compactions": write("withoutCompaction"),
  "four processes, told to begin, end": write("idle"),
  "each with 5,000 sets under the lock, a look at a counter, `write(2)`: the floor": write("floorAgent"),
};
const opening = {
  "reads the logs and splits them": merge(1),
  "and puts their lines in the order of the clock": merge(2),
  "and keeps the last place of each id": merge(3),
  "and holds the lines of the other three agents: the floor": merge(4),
};

export default groupOf(workload, {
  variants: {
    "4 x 5,000 sets": { floors: Object.keys(writing) },
    "open 4 logs of 100 k": { stores: ["ours", "original"], floors: Object.keys(opening) },
  },
  figures: ["ms", "grownMb"],
  stores: ["ours", "original", "lmdb"],
  floors: { ...writing, ...opening },
  parts: { floorAgent, idle, withoutCompaction },
});
