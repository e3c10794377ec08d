// Creates worker threads that write to stores, terminates each in the middle, and looks at what is left: in the
// folders, and of descriptors and threads in this process.

import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Store } from "../../index.mjs";

const writer = fileURLToPath(new URL("./writer.mjs", import.meta.url));
const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };
const kinds = [
  {},
  { writeMode: "group", groupCommitMs: 60_000, groupCommitSize: 1_000_000 },
  { writeMode: "async", groupCommitMs: 60_000, groupCommitSize: 1_000_000 },
  { durability: "always" },
  { durability: "interval", syncIntervalMs: 5 },
  { agentId: "one" },
];

/** How many descriptors and threads this process has; `null` where the system does not tell. */
function resources() {
  if (!existsSync("/proc/self/task")) return null;
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    threads: readdirSync("/proc/self/task").length,
  };
}

/** Runs one worker and terminates it. Returns how many records it was told of as acknowledged. */
async function runWorker(folder, options, copy, messages) {
  const worker = new Worker(writer, { workerData: { folder, options: { ...manual, ...options }, copy } });
  let acknowledged = 0;
  let left = messages;
  await new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (count) => {
      acknowledged = count;
      if (--left <= 0) resolve();
    });
  });
  await worker.terminate();
  return acknowledged;
}

/** Opens a store that a worker had. It is free once the last piece of work for it ends, such as a sync. */
async function openAfter(folder, options) {
  for (let attempt = 0; ; attempt++) {
    const store = new Store();
    try {
      await store.open(folder, { ...manual, agentId: options.agentId });
      return store;
    } catch (error) {
      if (error.code !== "OPSLOG_LOCKED" || attempt === 200) throw error;
      await delay(50);
    }
  }
}

async function count(folder, options) {
  const store = await openAfter(folder, options);
  const ids = store.entries().map(([id]) => id);
  await store.close();
  const gap = ids.findIndex((id, n) => id !== `log-${n}`);
  if (gap >= 0) throw new Error(`${folder}: ${ids[gap]} stands where log-${gap} must be`);
  return ids.length;
}

/** Waits until this process has no more than before, for threads end a little later than their workers. */
async function settled(before) {
  if (before === null) return null;
  let now = resources();
  for (let look = 0; look < 200; look++) {
    if (now.descriptors <= before.descriptors && now.threads <= before.threads) return now;
    globalThis.gc?.();
    await delay(50);
    now = resources();
  }
  throw new Error(`left over: ${JSON.stringify({ before, now })}`);
}

/** Runs so many workers, up to four at once, in folders below `root`. Returns what was counted. */
export async function runWorkers(total, root, random) {
  let started = 0;
  let wanted = 0;
  let records = 0;
  const lane = async (number) => {
    while (started < wanted) {
      const worker = started++;
      const options = kinds[worker % kinds.length];
      const folder = path.join(root, `lane-${number}-kind-${worker % kinds.length}`);
      const copy = worker % 5 === 0 ? path.join(root, `copy-${worker}`) : undefined;
      const acknowledged = await runWorker(folder, options, copy, 1 + Math.floor(random() * 40));
      const found = await count(folder, options);
      if (found < acknowledged) throw new Error(`${folder}: ${found} records, ${acknowledged} acknowledged`);
      records += acknowledged;
      if (found > 3000) rmSync(folder, { recursive: true });
      if (copy !== undefined) rmSync(copy, { recursive: true, force: true });
    }
  };
  const runAll = async (count) => {
    [started, wanted] = [0, count];
    await Promise.all([0, 1, 2, 3].map(lane));
  };
  // The first ones start libuv's threads, which stay.
  await runAll(2 * kinds.length);
  const before = resources();
  await runAll(total);
  return { workers: total, records, before, after: await settled(before) };
}
