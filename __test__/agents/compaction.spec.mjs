/** When an agent compacts by itself. */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { openAgent } from "../helpers/agents.mjs";
import { readManifest, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";
import { openOurs, openReference } from "../helpers/stores.mjs";
import { until } from "../helpers/until.mjs";

const defaults = { checkpointOnClose: undefined, checkpointThreshold: undefined };
const value = (kilobytes) => ({ text: "x".repeat(1000 * kilobytes) });
const snapshotOf = async (folder) => (await readManifest(folder)).currentSnapshot;

test("set() of an agent with default options, waits with a compaction until 256 KB are logged", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openAgent(t, folder, "one", defaults);
  const first = await snapshotOf(folder);
  for (let n = 0; n < 200; n++) await agent.set("small", { n });
  t.is(agent.stats().opsCount, 200);
  t.is(await snapshotOf(folder), first);
  await agent.set("large", value(260));
  await until(async () => (await snapshotOf(folder)) !== first);
  t.is(agent.stats().opsCount, 0);
});

test("set() of an agent alone, the snapshot has over 1 MB, compacts once its log has a quarter of that", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openAgent(t, folder, "one", defaults);
  for (let n = 0; n < 20; n++) await agent.set(`large-${n}`, value(100));
  await agent.compact();
  const first = await snapshotOf(folder);
  for (let n = 0; n < 101; n++) await agent.set("small", { n });
  await agent.set("new", value(400));
  t.is(await snapshotOf(folder), first);
  await agent.set("newer", value(150));
  await until(async () => (await snapshotOf(folder)) !== first);
  t.is(agent.stats().opsCount, 0);
});

/** What a store of an agent shows of its history when it crosses a threshold of three, by sets and by batches. */
async function shownWhenCrossing(store, folder) {
  const shown = [];
  const look = () =>
    shown.push([store.stats().opsCount, store.getOps().length, store.getHistory("k").length]);
  const writes = [
    (n) => store.set("k", { n }),
    (n) =>
      store.batch(() => {
        for (let more = 0; more < 4; more++) store.set("k", { n, more });
      }),
  ];
  for (const write of writes) {
    const before = await snapshotOf(folder);
    for (let n = 0; n === 0 || store.stats().opsCount > 0; n++) {
      await write(n);
      look();
    }
    shown.push(await store.undo());
    look();
    await until(async () => (await snapshotOf(folder)) !== before);
    look();
  }
  return shown;
}

test("set() of an agent that crosses an explicit checkpointThreshold starts the history anew, as in 0.8.1", async (t) => {
  const options = { agentId: "one", checkpointThreshold: 3 };
  const reference = await openReference(t, options);
  const ours = await openOurs(t, options);
  const shown = await shownWhenCrossing(ours.store, ours.folder);
  t.deepEqual(shown, await shownWhenCrossing(reference.store, reference.folder));
  t.is(shown.length, 10);
  const entries = ours.store.entries();
  await ours.store.close();
  t.deepEqual(await storedEntries(ours.store.constructor, ours.folder, { readOnly: true }), entries);
});

test("set() of an agent that crosses its threshold while others write, all operations stay and none is told twice", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one", { checkpointThreshold: 3 });
  const two = await openAgent(t, folder, "two", { checkpointThreshold: 3 });
  await two.tail();
  const told = [];
  for (let n = 0; n < 40; n++) {
    await one.set(`one-${n}`, { n });
    await two.set(`two-${n}`, { n });
    for (const { id } of await two.tail()) told.push(id);
  }
  t.deepEqual(
    told.filter((id) => id.startsWith("one")),
    Array.from({ length: 40 }, (_, n) => `one-${n}`),
  );
  await one.close();
  await two.close();
  const { length } = await storedEntries(one.constructor, folder, { readOnly: true });
  t.is(length, 80);
});

test("set() of an agent, the compaction that it sets off fails, the operations count again", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openAgent(t, folder, "one", { checkpointThreshold: 3 });
  await rename(join(folder, "snapshots"), join(folder, "elsewhere"));
  for (let n = 0; n < 3; n++) await agent.set("k", { n });
  await until(() => agent.stats().opsCount === 3);
  t.is(agent.getOps().length, 3);
  await rename(join(folder, "elsewhere"), join(folder, "snapshots"));
  await agent.compact();
  t.is(agent.stats().opsCount, 0);
  t.deepEqual(agent.get("k"), { n: 2 });
});
