/** What each call costs in requests at several sizes of a store: so many operations since the last checkpoint, so many agents that are gone. */
import { Store } from "../../index.mjs";
import { s3Backend } from "./clients.mjs";

const OPERATIONS = [0, 1000, 100_000];
const AT_ONCE = 1000;
const GONE = 200;
const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

/** Puts a store into a state, and leaves it closed. */
const states = [
  ...OPERATIONS.map((count) => ({
    state: `${count.toLocaleString("en-US")} operations`,
    async make({ open, agentId }) {
      const store = await open({ agentId });
      for (let from = 0; from < count; from += AT_ONCE)
        await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => store.set(`id-${from + n}`, { n })));
      await store.close();
    },
  })),
  {
    state: `${GONE} agents gone`,
    async make({ open }) {
      const compacting = await open({ agentId: "compacting" });
      for (let n = 0; n < GONE; n++) {
        const agent = await open({ agentId: `agent-${n}` });
        await agent.set(`${n}`, { n });
        await agent.close();
        if (n % 10 === 9) await compacting.compact();
      }
      await compacting.close();
    },
  },
];

/** The calls, in an order in which each finds what it needs. */
async function callsOf({ open, agentId, row }) {
  const reader = await open({ readOnly: true });
  row("reader: open");
  const store = await open({ agentId });
  row("open");
  await reader.tail();
  row(null);
  await reader.tail();
  row("reader: tail, nothing new");
  await store.set("a", { n: 1 });
  row("set, awaited");
  await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => store.set(`more-${n}`, { n })));
  row("1,000 sets in flight");
  await store.batch(() => Array.from({ length: 100 }, (_, n) => store.set(`b-${n}`, { n })));
  row("batch of 100");
  await reader.tail();
  row("reader: tail, 1,101 operations in three appends");
  await store.undo();
  row("undo");
  await store.compact();
  row("compact");
  await store.close();
  row("close");
  await reader.close();
}

/** Measures all of it. Returns for each kind of writer and each call what it asks for in each state. */
export async function measureLevels({ client, proxy, bucket }) {
  const levels = [];
  for (const [who, agentId] of [
    ["single writer", undefined],
    ["agent", "one"],
  ]) {
    for (const { state, make } of states) {
      const prefix = `${who} ${state}`.replaceAll(/[ ,]/g, "-");
      const open = async (options) => {
        const store = new Store();
        await store.open("", {
          backend: await s3Backend("s3", { client, bucket, prefix }),
          ...manual,
          ...options,
        });
        return store;
      };
      await make({ open, agentId });
      proxy.take();
      const row = (call) => {
        const { requests, bytesUp, bytesDown } = proxy.take();
        if (call === null) return;
        levels.push({ who, call, state, requests, bytesUp, bytesDown });
        console.log(JSON.stringify(levels.at(-1)));
      };
      await callsOf({ open, agentId, row });
    }
  }
  return levels;
}
