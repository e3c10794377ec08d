// What calls cost in requests and bytes, counted by a proxy between the AWS SDK and moto. Prints the table of docs/s3.md:
//   node campaigns/s3/cost.mjs [--appends 1000]

import { parseArgs } from "node:util";
import { Store } from "../../index.mjs";
import { createBucket, installClients, s3Backend, s3Client } from "./clients.mjs";
import { startMoto } from "./moto.mjs";
import { startProxy } from "./proxy.mjs";

const { values } = parseArgs({ options: { appends: { type: "string", default: "1000" } } });
const appends = Number(values.appends);
await installClients();
const server = await startMoto();
const proxy = await startProxy(server.endpoint);
const client = s3Client(proxy.endpoint);
await createBucket(client, "cost");
const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

console.log("| call | requests | which | bytes up | bytes down |\n|---|---|---|---|---|");
function row(what) {
  const { count, requests, bytesUp, bytesDown } = proxy.take();
  const kinds = Object.entries(requests).map(([kind, times]) => `${times} ${kind}`);
  console.log(`| ${what} | ${count} | ${kinds.join(", ")} | ${bytesUp} | ${bytesDown} |`);
}

for (const [who, agentId] of [
  ["single writer", undefined],
  ["agent", "one"],
]) {
  const open = async (options) => {
    const store = new Store();
    const backend = await s3Backend("s3", { client, bucket: "cost", prefix: who.replace(" ", "-") });
    await store.open("", { backend, ...manual, ...options });
    return store;
  };
  proxy.take();
  let store = await open({ agentId });
  row(`${who}: open, new store`);
  const reader = await open({ readOnly: true });
  row("reader: open, no operations");
  await reader.tail();
  proxy.take();
  await reader.tail();
  row("reader: tail, nothing new, no operations");
  await store.set("a", { n: 1 });
  row(`${who}: set, awaited`);
  await Promise.all(Array.from({ length: 1000 }, (_, n) => store.set(`id-${n}`, { n })));
  row(`${who}: 1,000 sets in flight`);
  await store.batch(() => Array.from({ length: 100 }, (_, n) => store.set(`b-${n}`, { n })));
  row(`${who}: batch of 100`);
  await store.undo();
  row(`${who}: undo, after 1,100 operations`);
  await reader.tail();
  row("reader: tail, 1,100 operations");
  await reader.tail();
  row("reader: tail, nothing new, after them");
  await store.compact();
  row(`${who}: compact`);
  for (let n = 0; n < appends; n++) await store.set(`c-${n}`, { n });
  row(`${who}: ${appends} sets, awaited, roll-ups included`);
  await store.close();
  row(`${who}: close`);
  const second = await open({ readOnly: true });
  row(`reader: open after ${appends} appends`);
  await second.close();
  store = await open({ agentId });
  row(`${who}: open after ${appends} appends`);
  await store.close();
  await reader.close();
}
// Many agents at once, then none of them.
const MANY = 50;
const GONE = 200;
const openIn = async (prefix, options) => {
  const store = new Store();
  await store.open("", {
    backend: await s3Backend("s3", { client, bucket: "cost", prefix }),
    ...manual,
    ...options,
  });
  return store;
};
const compacting = await openIn("many", { agentId: "compacting" });
const agents = [];
for (let n = 0; n < MANY; n++) agents.push(await openIn("many", { agentId: `agent-${n}` }));
const follower = await openIn("many", { readOnly: true });
await follower.tail();
await Promise.all(
  agents.map((agent, n) => Promise.all(Array.from({ length: 20 }, (_, i) => agent.set(`${n}-${i}`, { i })))),
);
proxy.take();
await follower.tail();
row(`reader: tail, 1,000 operations of ${MANY} agents`);
await follower.close();
for (const agent of agents) await agent.close();
const openReader = async (what) => {
  proxy.take();
  await (await openIn("many", { readOnly: true })).close();
  row(what);
};
await openReader(`reader: open, ${MANY} agents that were closed`);
for (let n = MANY; n < GONE; n++) {
  const agent = await openIn("many", { agentId: `agent-${n}` });
  await agent.set(`${n}`, { n });
  await agent.close();
  if (n % 10 === 9) await compacting.compact();
}
await openReader(`reader: open, after a compaction, ${GONE} agents gone`);
await (await openIn("many", { agentId: "next" })).close();
row("agent: open and close, after it");
await compacting.close();
await proxy.stop();
await server.stop();
client.destroy();
