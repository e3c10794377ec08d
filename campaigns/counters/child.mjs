/**
 * Agents of one process that count ten counters up: folder, agent, the file that gets a byte for each step that is done, how many, how many
 * at a time, how many agents.
 */
import { fstatSync, openSync, writeSync } from "node:fs";
import { Store } from "../../index.mjs";

const [folder, agentId, ledger, share, burst, together] = process.argv.slice(2);
const stores = [];
for (let n = 0; n < Number(together); n++) {
  stores.push(new Store());
  await stores[n].open(folder, { agentId: `${agentId}-${n}` });
}
const acknowledged = openSync(ledger, "a");
let done = fstatSync(acknowledged).size;
const step = async (n) => {
  const store = stores[Math.trunc(n / 10) % stores.length];
  await store.update(`counter-${n % 10}`, (current) => ({ n: (current?.n ?? 0) + 1 }));
  writeSync(acknowledged, ".");
};
while (done < Number(share)) {
  const together = Math.min(Number(burst), Number(share) - done);
  await Promise.all(Array.from({ length: together }, (_, k) => step(done + k)));
  done += together;
}
await Promise.all(stores.map((store) => store.close()));
process.disconnect();
