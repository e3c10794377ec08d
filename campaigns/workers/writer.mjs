// In a worker thread: writes as its data says until it is terminated, and tells what was acknowledged.

import { parentPort, workerData } from "node:worker_threads";
import { setImmediate as turn } from "node:timers/promises";
import { Store } from "../../index.mjs";

const { folder, options, copy } = workerData;
const store = new Store();
await store.open(folder, options);
let copying = false;
for (let n = store.count(); ; n += 3) {
  const written = [store.set(`log-${n}`, { n }), store.set(`log-${n + 1}`, { n, text: "x".repeat(n % 200) })];
  written.push(store.batch(() => store.set(`log-${n + 2}`, { n })));
  await Promise.all(written);
  parentPort.postMessage(n + 3);
  if (n % 30 === 0) store.compact().catch(() => {});
  if (copy !== undefined && !copying) {
    copying = true;
    store.backup(copy).catch(() => {});
  }
  if (n % 12 === 0) await turn();
}
