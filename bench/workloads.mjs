/** One workload on one store, in this process: `node workloads.mjs <version> <workload> <folder> <count>`. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

const packages = { original: "opslog-reference", ours: "../index.mjs" };
// No checkpoint but the one that is measured.
const manual = { checkpointThreshold: Number.MAX_SAFE_INTEGER, checkpointOnClose: false };

/** A record of about 160 bytes. */
function record(n) {
  return {
    title: `Task number ${n}`,
    status: n % 3 === 0 ? "open" : "done",
    priority: n % 5,
    tags: ["alpha", "beta", `tag-${n % 100}`],
    owner: { name: `user-${n % 1000}`, team: "storage" },
    created: 1_700_000_000_000 + n,
  };
}

const workloads = {
  async fill(store, folder, count) {
    await store.open(folder, manual);
    for (let from = 0; from < count; from += 1000) {
      await store.batch(() => {
        for (let n = from; n < Math.min(count, from + 1000); n += 1) store.set(`record-${n}`, record(n));
      });
    }
    await store.compact();
  },

  async insert(store, folder, count) {
    await store.open(folder, manual);
    const records = Array.from({ length: count }, (_, n) => record(n));
    const started = performance.now();
    for (let n = 0; n < count; n += 1) await store.set(`record-${n}`, records[n]);
    return { insertsPerSecond: (1000 * count) / (performance.now() - started) };
  },

  async open(store, folder, count) {
    const started = performance.now();
    await store.open(folder, manual);
    const openMs = performance.now() - started;
    if (store.entries().length !== count) throw new Error("records are missing");
    return { openMs, openAndReadMs: performance.now() - started };
  },

  async compact(store, folder, count) {
    await store.open(folder, manual);
    for (let n = 0; n < 1000; n += 1) await store.set(`record-${n}`, record(count + n));
    const delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
    await delay(50);
    delays.reset();
    // Delays are differences between two ticks, and the first tick after a reset has none before it.
    await delay(20);
    const started = performance.now();
    await store.compact();
    const compactMs = performance.now() - started;
    // A turn of the loop that took long is counted when it has ended.
    await delay(20);
    delays.disable();
    return { compactMs, longestDelayMs: delays.max / 1e6 };
  },
};

const [version, workload, folder, count] = process.argv.slice(2);
const { Store } = await import(packages[version]);
const store = new Store();
const found = await workloads[workload](store, folder, Number(count));
await store.close();
console.log(JSON.stringify(found ?? {}));
