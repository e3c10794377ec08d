/** An agent that counts ten counters up: folder, agent, the file that gets a byte for each step that is done, how many, how many at a time. */
import { appendFileSync, existsSync, statSync } from "node:fs";
import { Store } from "../../index.mjs";

const [folder, agentId, ledger, share, burst] = process.argv.slice(2);
const store = new Store();
await store.open(folder, { agentId });
let done = existsSync(ledger) ? statSync(ledger).size : 0;
const step = async (n) => {
  await store.update(`counter-${n % 10}`, (current) => ({ n: (current?.n ?? 0) + 1 }));
  appendFileSync(ledger, ".");
};
while (done < Number(share)) {
  const together = Math.min(Number(burst), Number(share) - done);
  await Promise.all(Array.from({ length: together }, (_, k) => step(done + k)));
  done += together;
}
await store.close();
process.disconnect();
