/**
 * A process that counts ten counters up: folder, agent, how often, how many at a time, and whether it tells of each step and
 * waits for an answer to each.
 */
import { Store } from "../../index.mjs";

const [folder, agentId, steps, burst, tell] = process.argv.slice(2);
const store = new Store();
await store.open(folder, { agentId });
let answered = 0;
let goOn = () => {};
if (tell) {
  process.on("message", () => {
    answered++;
    goOn();
  });
}
const step = async (n) => {
  await store.update(`counter-${n % 10}`, (current) => ({ n: (current?.n ?? 0) + 1 }));
  if (tell) process.send(n);
};
for (let n = 0; n < Number(steps); n += Number(burst)) {
  await Promise.all(Array.from({ length: Number(burst) }, (_, k) => step(n + k)));
  while (tell && answered < n + Number(burst)) await new Promise((resolve) => (goOn = resolve));
}
await store.close();
process.disconnect();
