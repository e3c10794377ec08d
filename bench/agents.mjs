/**
 * `npm run bench:agents`: what an agent's append costs beside a single writer's, and how long appends take while
 * another agent, in a process of its own, compacts a million records. Prints medians of five rounds in turns.
 *
 *   node bench/agents.mjs --records 1000000 --sets 50000
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Store } from "../index.mjs";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "1000000" },
    sets: { type: "string", default: "50000" },
    compactor: { type: "string" },
  },
});
const records = Number(values.records);
const sets = Number(values.sets);
const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };

const makeRecord = (n) => ({
  name: `record ${n}`,
  value: n,
  tags: ["a", "b"],
  nested: { x: n },
  text: "x".repeat(80),
});

function at(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const ascending = (list) => [...list].sort((a, b) => a - b);

async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), "opslog-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Microseconds for each of many awaited sets. */
async function costOfSets(options) {
  return inFolder(async (folder) => {
    const store = new Store();
    await store.open(folder, { ...manual, ...options });
    const started = performance.now();
    for (let n = 0; n < sets; n++) await store.set(`id-${n}`, makeRecord(n));
    const ms = performance.now() - started;
    await store.close();
    return (ms * 1000) / sets;
  });
}

/** The other agent: fills the store, says so, and compacts when it is told to. */
async function compact(folder) {
  const store = new Store();
  await store.open(folder, { ...manual, agentId: "compactor" });
  for (let from = 0; from < records; from += 10_000) {
    await store.batch(() => {
      for (let n = from; n < Math.min(records, from + 10_000); n++) store.set(`id-${n}`, makeRecord(n));
    });
  }
  process.send({ filled: true });
  await once(process, "message");
  const started = performance.now();
  await store.compact();
  process.send({ ms: performance.now() - started });
  await store.close();
  process.disconnect();
}

/** How long sets take, in milliseconds, while the other agent compacts. */
async function latencyBesideCompaction() {
  return inFolder(async (folder) => {
    const child = fork(fileURLToPath(import.meta.url), ["--compactor", folder, "--records", String(records)]);
    await once(child, "message");
    const store = new Store();
    await store.open(folder, { ...manual, agentId: "writer" });
    let compactMs = null;
    child.once("message", ({ ms }) => (compactMs = ms));
    child.send("compact");
    const latencies = [];
    for (let n = 0; compactMs === null; n++) {
      const started = performance.now();
      await store.set(`own-${n}`, makeRecord(n));
      latencies.push(performance.now() - started);
      if (n % 20 === 0) await turn();
    }
    await store.close();
    return { compactMs, latencies: ascending(latencies) };
  });
}

async function main() {
  const costs = { single: [], agent: [] };
  for (let round = 0; round < 5; round++) {
    costs.single.push(await costOfSets({}));
    costs.agent.push(await costOfSets({ agentId: "writer" }));
  }
  const [single, agent] = [costs.single, costs.agent].map((list) => at(ascending(list), 0.5));
  console.log("| | single writer | agent | ratio |\n|---|---:|---:|---:|");
  console.log(
    `| awaited set, us | ${single.toFixed(1)} | ${agent.toFixed(1)} | ${(agent / single).toFixed(2)} |\n`,
  );
  const { compactMs, latencies } = await latencyBesideCompaction();
  const [middle, high, highest] = [0.5, 0.99, 1].map((share) => at(latencies, share).toFixed(3));
  console.log(`Another agent compacts ${records} records in ${compactMs.toFixed(0)} ms; meanwhile`);
  console.log(`${latencies.length} awaited sets: p50 ${middle} ms, p99 ${high} ms, longest ${highest} ms.`);
}

await (values.compactor === undefined ? main() : compact(values.compactor));
