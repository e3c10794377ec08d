/** When an agent compacts by itself. */
import test from "ava";
import { openAgent } from "./helpers/agents.mjs";
import { readManifest, temporaryFolder } from "./helpers/store-folder.mjs";
import { until } from "./helpers/until.mjs";

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
