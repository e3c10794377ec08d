/** In a worker thread: writes without end and says when it has begun. */
import { parentPort, workerData } from "node:worker_threads";
import { Store } from "../../index.mjs";

const store = new Store();
await store.open(workerData.folder, workerData.options);
await store.set("first", {});
parentPort.postMessage("begun");
for (let n = 0; ; n++) await Promise.all([store.set("a", { n }), store.set("b", { n })]);
