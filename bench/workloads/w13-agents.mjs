import { startPart } from "../children.mjs";
import { memoryMb } from "../measure.mjs";
import { makeId, makePool } from "../record.mjs";
import { warmUp } from "./w09-open.mjs";

const AGENTS = 4;
export const agentNames = Array.from({ length: AGENTS }, (_, agent) => `agent-${agent}`);
const asAgent = (store, agentId) => (store.family === "opslog" ? { agentId } : {});

/** One agent: opens, says so, waits for the others, sets its records, closes. */
async function agent({ store, folder, variant, details: { agentId } }) {
  const handle = await store.open(folder, { checkpoints: "default", ...asAgent(store, agentId) });
  const pool = makePool(variant.bytes);
  const asked = new Promise((resolve) => process.once("message", resolve));
  process.send("ready");
  await asked;
  for (let n = 0; n < variant.sets; n += 1)
    await handle.set(`${agentId}-${makeId(n)}`, pool[n % pool.length]);
  await handle.close();
}

/** Starts a part for each name, lets them begin together, and waits for their ends. */
export async function together(context, part, names) {
  const agents = [];
  for (const agentId of names) {
    const process = startPart(context, part, { agentId });
    agents.push(process);
    await process.heard();
  }
  const started = performance.now();
  for (const process of agents) process.send("go");
  const found = await Promise.all(agents.map((process) => process.ended));
  const ms = performance.now() - started;
  return { ms, peakMemoryMb: Math.max(...found.map((each) => each.peakMemoryMb)) };
}

async function write(context) {
  const { store, folder } = context;
  const { ms, peakMemoryMb } = await together(context, "agent", agentNames);
  const handle = await store.open(folder, { ...asAgent(store, agentNames[0]), checkpoints: "manual" });
  const survived = handle.count();
  await handle.close();
  return { ms, survived, peakMemoryMb };
}

/** One agent that counts a counter up in transactions, many of which are in flight. */
async function counter({ store, folder, variant, details: { agentId } }) {
  const handle = await store.open(folder, { checkpoints: "default", ...asAgent(store, agentId) });
  const asked = new Promise((resolve) => process.once("message", resolve));
  process.send("ready");
  await asked;
  for (let n = 0; n < variant.steps; n += variant.inFlight) {
    const steps = Array.from({ length: Math.min(variant.inFlight, variant.steps - n) }, () =>
      handle.native.update("counter", (record) => ({ n: (record?.n ?? 0) + 1 })),
    );
    await Promise.all(steps);
  }
  await handle.close();
}

async function count(context) {
  const { store, folder, variant } = context;
  const names = Array.from({ length: variant.agents }, (_, agent) => `agent-${agent}`);
  const { ms, peakMemoryMb } = await together(context, "counter", names);
  const handle = await store.open(folder, { ...asAgent(store, names[0]), checkpoints: "manual" });
  const survived = handle.get("counter").n;
  await handle.close();
  return { ms, survived, stepsPerSecond: (variant.steps * variant.agents * 1000) / ms, peakMemoryMb };
}

async function open({ store, folder, variant }) {
  await warmUp(store, folder);
  const before = memoryMb();
  const started = performance.now();
  const handle = await store.open(folder, { agentId: agentNames[0] });
  const ms = performance.now() - started;
  const grownMb = memoryMb() - before;
  const survived = handle.count();
  if (survived !== AGENTS * variant.records) throw new Error(`count() is ${survived}`);
  await handle.close();
  return { ms, survived, grownMb };
}

const writing = "4 x 5,000 sets";
const opening = "open 4 logs of 100 k";
const counting = "8 x 10,000 steps of one counter";

export default {
  id: "W13",
  title: "Agents",
  text:
    "Four processes with an `agentId` each, 5,000 awaited sets in each, default options, until all are closed; " +
    "then what is there is counted. And `open()` of four logs of 100,000 operations each. " +
    "And eight agents that count one counter up in transactions, 64 in flight each.",
  note: "Writing: each set takes the folder's lock, which appends share (four `flock` calls), looks at the generation (one `pread`), and writes (one `write`). The rest of the time goes into code that was compiled just before, into compactions, and into pauses of agents that found the lock taken. In a compaction an agent reads the operations of the others, and all agents wait for two changes of the manifest, each with its syncs. 0.8.1 takes no such lock, and loses records. Opening: lines of all logs are read, put in their order and applied. The lines of other agents are held in memory, since those agents may take them out of the file at any time (`undo()`).",
  variants: [
    { name: writing, bytes: 180, sets: 5000, repeats: 3, run: "write" },
    { name: opening, bytes: 180, records: 100_000, run: "open", stores: ["ours", "original"], repeats: 3 },
    { name: counting, agents: 8, steps: 10_000, inFlight: 64, run: "count", stores: ["ours"], repeats: 3 },
  ],
  stores: ["ours", "original", "lmdb", "better-sqlite3"],
  fixture: (variant) =>
    variant.run === "open"
      ? { kind: "agents", agents: AGENTS, records: variant.records, bytes: variant.bytes }
      : undefined,
  figures: { ms: "ms", survived: "records there", grownMb: "memory grown, MB", stepsPerSecond: "steps/s" },
  main: "ms",
  run: (context) => ({ open, write, count })[context.variant.run](context),
  parts: { agent, counter },
  targets: [
    { variant: writing, figure: "ms", times: 12, than: "original" },
    { variant: writing, figure: "survived", atLeast: AGENTS * 5000 },
    { variant: opening, figure: "ms", atMost: 100 },
    { variant: opening, figure: "grownMb", atMost: 100 },
    { variant: counting, figure: "survived", atLeast: 80_000 },
    { variant: counting, figure: "stepsPerSecond", atLeast: 20_000 },
  ],
};
