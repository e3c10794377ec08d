/** An agent that counts ten counters up: folder, agent, the file that gets a byte for each step that is done, how many, how many at a time. */
import { fstatSync, openSync, writeSync } from "node:fs";
import { Store } from "../../index.mjs";

const [folder, agentId, ledger, share, burst] = process.argv.slice(2);
const store = new Store();
await store.open(folder, { agentId });
const acknowledged = openSync(ledger, "a");
let done = fstatSync(acknowledged).size;
const step = async (n) => {
  await store.update(`counter-${n % 10}`, (current) => ({ n: (current?.n ?? 0) + 1 }));
  writeSync(acknowledged, ".");
};
while (done < Number(share)) {
  const together = Math.min(Number(burst), Number(share) - done);
  await Promise.all(Array.from({ length: together }, (_, k) => step(done + k)));
  done += together;
}
await store.close();
process.disconnect();
