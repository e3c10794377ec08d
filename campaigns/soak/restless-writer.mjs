/** Writes without a pause until it is told to end: small and large values, batches, undos, checkpoints, archives. */
import { setImmediate as turn } from "node:timers/promises";
import { Store } from "../../index.mjs";

const [folder, options] = process.argv.slice(2);
const store = new Store();
await store.open(folder, { checkpointThreshold: 300, ...JSON.parse(options) });
let isOver = false;
process.once("message", () => (isOver = true));
process.send("ready");

for (let n = 0; !isOver; n++) {
  const text = "x".repeat(n % 50 === 0 ? 2_000_000 : n % 5000);
  await store.set(`${process.pid}-${n % 500}`, { n, text });
  if (n % 11 === 0) await store.undo();
  if (n % 17 === 0) {
    await store.batch(() => {
      for (let i = 0; i < 20; i++) store.set(`shared-${i}`, { n, text: "y".repeat(3000) });
    });
  }
  if (n % 97 === 0) await store.compact();
  if (n % 311 === 0) await store.archive((_, id) => id.endsWith("7"), "some");
  if (n % 16 === 0) await turn();
}
await store.close();
process.disconnect();
