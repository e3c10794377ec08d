/** Writes with ours until it is killed, and prints each id once its write is acknowledged. */
import { writeSync } from "node:fs";
import { Store } from "../../index.mjs";

const [folder, round] = process.argv.slice(2);
const store = new Store();
await store.open(folder, { checkpointThreshold: 500 });
for (let n = 0; ; n++) {
  const id = `crash:${round}:${n}`;
  await store.set(id, { from: "crash", name: id, n, text: "x".repeat(n % 200), dependencies: {} });
  writeSync(1, `${id}\n`);
  if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
