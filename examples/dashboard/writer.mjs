// The process that writes: one step for each line on stdin.

import { createInterface } from "node:readline";
import { Store } from "@backloghq/opslog";

const store = new Store();
await store.open(process.argv[2]);

const steps = [
  async () => {
    await store.set("cellar", { celsius: 12 });
    await store.set("attic", { celsius: 24 });
  },
  async () => {
    await store.set("attic", { celsius: 25 });
    // A new snapshot and a new log: the reader goes on where it was.
    await store.compact();
    await store.set("garden", { celsius: 31 });
  },
  async () => {
    // A broken sensor: the reader, which has seen the last value, forgets it.
    await store.undo();
    await store.set("cellar", { celsius: 13 });
  },
  async () => {
    await store.batch(() => {
      store.set("attic", { celsius: 20 });
      store.set("kitchen", { celsius: 22 });
    });
  },
];

console.log("ready");
for await (const _ of createInterface({ input: process.stdin })) {
  await steps.shift()?.();
  console.log("done");
}
await store.close();
