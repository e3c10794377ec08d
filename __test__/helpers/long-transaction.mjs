/** An agent in a transaction that ends when a file is there. Its arguments: the folder of the store, the file. Prints a line once it is in it. */
import { existsSync, writeSync } from "node:fs";
import { Store } from "../../index.mjs";

const [folder, end] = process.argv.slice(2);
const pause = new Int32Array(new SharedArrayBuffer(4));
const store = new Store();
await store.open(folder, { agentId: "long", checkpointThreshold: 1e9 });
await store.transaction((tx) => {
  tx.set("long", {});
  writeSync(1, "in\n");
  while (!existsSync(end)) Atomics.wait(pause, 0, 0, 5);
});
await store.close();
