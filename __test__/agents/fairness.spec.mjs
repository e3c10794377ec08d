/** Agents whose transactions never end, and another one that wants to write as well: how often it is overtaken. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { openOurs } from "../helpers/stores.mjs";
import { until } from "../helpers/until.mjs";

const counter = fileURLToPath(new URL("../helpers/counting-agent.mjs", import.meta.url));
const PROCESSES = 3;
/** Transactions that share a lock at most. */
const TOGETHER = 64;
const WRITES = 20;
/** Of a line. */
const BYTES = 150;

/** About how many operations the logs of the processes that count hold. A compaction deletes those that hold none. */
async function countedIn(folder) {
  let bytes = 0;
  for (const name of await readdir(join(folder, "ops"))) {
    if (!name.includes("agent-counting")) continue;
    const { size } = await stat(join(folder, "ops", name)).catch(() => ({ size: 0 }));
    bytes += size;
  }
  return Math.round(bytes / BYTES);
}

const writes = {
  "set()": (store, n) => store.set(`written-${n}`, { n }),
  "batch()": (store, n) =>
    store.batch((handle) => {
      handle.set(`written-${n}`, { n });
      handle.set(`also-${n}`, { n });
    }),
  "many sets at once": (store, n) =>
    Promise.all(Array.from({ length: 20 }, (_, k) => store.set(`written-${n}-${k}`, { n }))),
  "undo()": async (store) => {
    await store.undo();
  },
  "transaction()": (store, n) => store.transaction((tx) => tx.set(`written-${n}`, { n })),
};

for (const [name, write] of Object.entries(writes)) {
  test.serial(
    `${name} of an agent beside processes that are always in transactions, it is let in after a few of them`,
    async (t) => {
      t.timeout(240_000);
      const { store, folder } = await openOurs(t, { agentId: "here", checkpointThreshold: 1e9 });
      const children = Array.from({ length: PROCESSES }, (_, n) =>
        fork(counter, [folder, `counting-${n}`, "1000000000", String(TOGETHER)]),
      );
      t.teardown(() => children.forEach((child) => child.kill("SIGKILL")));
      await until(async () => (await countedIn(folder)) > 1000);
      const overtaken = [];
      for (let n = 0; n < WRITES; n++) {
        const before = await countedIn(folder);
        await write(store, n);
        overtaken.push((await countedIn(folder)) - before);
      }
      children.forEach((child) => child.kill("SIGKILL"));
      await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, "exit")));
      t.log(overtaken.join(" "));
      const all = overtaken.reduce((sum, lines) => sum + lines, 0);
      t.true(all < WRITES * PROCESSES * 6 * TOGETHER, `overtaken by ${overtaken.join(", ")}`);
    },
  );
}

test("what a caller does once a transaction of an agent has settled, holds no lock, though more transactions follow", async (t) => {
  const { store, folder } = await openOurs(t, { agentId: "one" });
  const { store: other } = await openOurs(t, { folder, agentId: "two" });
  await store.set("before", {});
  await other.refresh();
  let isAtOnce = 0;
  const count = async (n) => {
    await store.update("counter", (current) => ({ n: (current?.n ?? 0) + 1 }));
    const written = other.set(`seen-${n}`, {});
    // A plain append that need not wait takes effect at the call.
    if (other.has(`seen-${n}`)) isAtOnce++;
    await written;
  };
  for (let n = 0; n < 30; n += 3) await Promise.all([count(n), count(n + 1), count(n + 2)]);
  // A call may settle a turn of the event loop later, when the next transaction has begun.
  t.true(isAtOnce >= 20, `${isAtOnce} of 30`);
  t.deepEqual(store.get("counter"), { n: 30 });
});
