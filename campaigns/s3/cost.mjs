// What calls cost in requests and bytes, counted by a proxy between the AWS SDK and moto. Prints a line for each call:
//   npm run cost:s3 -- [--appends 1000] [--write]     with --write into docs/s3/cost.json, and from it into docs/s3.md
//   npm run cost:s3 -- --page                         only makes the tables of docs/s3.md anew

import { parseArgs } from "node:util";
import { origin } from "../../bench/results.mjs";
import { Store } from "../../index.mjs";
import { keepCost, makeCostPage } from "./cost-page.mjs";
import { measureLevels } from "./cost-levels.mjs";
import { createBucket, installClients, s3Backend, s3Client } from "./clients.mjs";
import { startMoto } from "./moto.mjs";
import { startProxy } from "./proxy.mjs";

const { values } = parseArgs({
  options: {
    appends: { type: "string", default: "1000" },
    write: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
  },
});
if (values.page) {
  await makeCostPage();
  process.exit();
}
const appends = Number(values.appends);
const shown = (count) => count.toLocaleString("en-US");
await installClients();
const server = await startMoto();
const proxy = await startProxy(server.endpoint);
const client = s3Client(proxy.endpoint);
await createBucket(client, "cost");
const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

const calls = [];
function row(call) {
  const { requests, bytesUp, bytesDown } = proxy.take();
  calls.push({ call, requests, bytesUp, bytesDown });
  console.log(JSON.stringify(calls.at(-1)));
}

for (const [who, agentId, article = "a"] of [
  ["single writer", undefined],
  ["agent", "one", "an"],
]) {
  const ofIt = `of ${article} ${who}`;
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
  row(`reader: open, no operations ${ofIt}`);
  await reader.tail();
  proxy.take();
  await reader.tail();
  row(`reader: tail, nothing new, no operations ${ofIt}`);
  await store.set("a", { n: 1 });
  row(`${who}: set, awaited`);
  await reader.tail();
  row(`reader: tail, one append ${ofIt}`);
  for (let n = 0; n < 10; n++) await store.set("a", { n });
  proxy.take();
  await reader.tail();
  row(`reader: tail, ten appends ${ofIt}`);
  await Promise.all(Array.from({ length: 1000 }, (_, n) => store.set(`id-${n}`, { n })));
  row(`${who}: 1,000 sets in flight`);
  await store.batch(() => Array.from({ length: 100 }, (_, n) => store.set(`b-${n}`, { n })));
  row(`${who}: batch of 100`);
  await store.undo();
  row(`${who}: undo, after 1,100 operations`);
  await reader.tail();
  row(`reader: tail, 1,100 operations ${ofIt}, in two appends and an undo`);
  await reader.tail();
  row(`reader: tail, nothing new, after them`);
  await store.compact();
  row(`${who}: compact`);
  for (let n = 0; n < appends; n++) await store.set(`c-${n}`, { n });
  row(`${who}: ${shown(appends)} sets, awaited, roll-ups included`);
  await store.close();
  row(`${who}: close`);
  const second = await open({ readOnly: true });
  row(`reader: open after ${shown(appends)} appends ${ofIt}`);
  await second.close();
  store = await open({ agentId });
  row(`${who}: open after ${shown(appends)} appends`);
  await store.close();
  await reader.close();
}
// A store that many agents follow, each of which writes.
const FOLLOWED = 20;
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
const followed = [];
for (let n = 0; n < FOLLOWED; n++) followed.push(await openIn("followed", { agentId: `agent-${n}` }));
for (const agent of followed) await agent.tail();
await Promise.all(followed.map((agent, n) => agent.set(`${n}`, { n })));
await followed[0].tail();
await Promise.all(followed.map((agent, n) => agent.set(`${n}`, { n: n + 1 })));
proxy.take();
await followed[0].tail();
row(`agent: tail, one append of each of ${FOLLOWED} agents`);
for (let turn = 0; turn < 10; turn++)
  await Promise.all(followed.map((agent, n) => agent.set(`${n}`, { n: turn })));
proxy.take();
await followed[0].tail();
row(`agent: tail, ten appends of each of ${FOLLOWED} agents`);
for (const agent of followed) await agent.close();
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
const levels = await measureLevels({ client, proxy, bucket: "cost" });
if (values.write) await keepCost({ ...origin(), appends, calls, levels });
await proxy.stop();
await server.stop();
client.destroy();
