import { readdir } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { manual, openAgent, recordsIn } from "../helpers/agents.mjs";
import { original } from "../helpers/original.mjs";
import { startStoreProcess } from "../helpers/processes.mjs";
import { readManifest, reopened, temporaryFolder } from "../helpers/store-folder.mjs";

test("compact() of an agent, another wrote what it has not seen, keeps it", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  await one.set("seen", { n: 1 });
  await other.set("unseen", { n: 2 });
  await one.compact();
  t.deepEqual(await recordsIn(folder), { seen: { n: 1 }, unseen: { n: 2 } });
  await other.refresh();
  t.deepEqual(other.get("unseen"), { n: 2 });
});

test("close() of an agent that wrote something, another wrote meanwhile, keeps both", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  const passer = await openAgent(t, folder, "passer", { checkpointOnClose: true });
  await passer.set("passer", { n: 1 });
  await one.set("one", { n: 2 });
  await passer.close();
  t.deepEqual(await recordsIn(folder), { passer: { n: 1 }, one: { n: 2 } });
});

test("open() and close() of an agent, nothing is written by it, keep what others write", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  await one.set("before", { n: 1 });
  const passer = await openAgent(t, folder, "passer", { checkpointOnClose: true });
  await one.set("during", { n: 2 });
  await passer.close();
  await one.set("after", { n: 3 });
  t.deepEqual(await recordsIn(folder), { before: { n: 1 }, during: { n: 2 }, after: { n: 3 } });
});

for (const [method, write] of Object.entries({
  "set()": (store) => store.set("late", { n: 2 }),
  "batch()": (store) =>
    store.batch(() => {
      store.set("late", { n: 1 });
      store.set("late", { n: 2 });
    }),
  "delete()": async (store) => {
    await store.set("late", { n: 2 });
    await store.delete("early");
    await store.set("early", { n: 1 });
  },
})) {
  test(`${method} of an agent, another's compact() retired its log, reaches the log that counts`, async (t) => {
    const folder = await temporaryFolder(t);
    const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
    await other.set("early", { n: 1 });
    await one.compact();
    await write(other);
    const expected = { early: { n: 1 }, late: { n: 2 } };
    t.deepEqual(await recordsIn(folder), expected);
    await one.compact();
    t.deepEqual(await recordsIn(folder), expected);
  });
}

test("compact() of an agent, others deleted and archived since it looked, brings nothing back", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  for (const id of ["deleted", "archived", "kept"]) await one.set(id, { id });
  await other.refresh();
  await other.delete("deleted");
  t.is(await other.archive((_, id) => id === "archived", "2024-Q1"), 1);
  await one.set("new", { id: "new" });
  await one.compact();
  t.deepEqual(await recordsIn(folder), { kept: { id: "kept" }, new: { id: "new" } });
  t.deepEqual((await readManifest(folder)).archiveSegments, ["archive/archive-2024-Q1.json"]);
  t.deepEqual([...(await one.loadArchive("2024-Q1"))], [["archived", { id: "archived" }]]);
});

test("archive() of two agents in turn, into the same and other segments, keeps all of them", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  for (const id of ["a", "b", "c", "d"]) await one.set(id, { id });
  await other.refresh();
  await one.archive((_, id) => id === "a", "common");
  await other.archive((_, id) => id === "b", "common");
  await one.archive((_, id) => id === "c", "own");
  await other.refresh();
  t.deepEqual([...other.listArchiveSegments()].sort(), [
    "archive/archive-common.json",
    "archive/archive-own.json",
  ]);
  t.deepEqual([...(await other.loadArchive("common")).keys()], ["a", "b"]);
  t.deepEqual(await recordsIn(folder), { d: { id: "d" } });
});

test("archive() of an agent, another changed the record since it looked, does not archive the old value away", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  await one.set("record", { n: 1 });
  await other.refresh();
  await one.set("record", { n: 2 });
  await other.archive((_, id) => id === "record", "2024-Q1");
  const records = await recordsIn(folder);
  const archived = (await reopened(Store, folder, (store) => store.listArchiveSegments(), { readOnly: true }))
    .length;
  if (archived > 0 && records.record === undefined) {
    await other.refresh();
    t.deepEqual([...(await other.loadArchive("2024-Q1"))], [["record", { n: 2 }]]);
  } else t.deepEqual(records, { record: { n: 2 } });
});

test("open() of eight agents at once, the folder is new, registers all of them", async (t) => {
  const folder = await temporaryFolder(t);
  const agents = await Promise.all(Array.from({ length: 8 }, () => startStoreProcess(t)));
  await Promise.all(
    agents.map((agent, n) => agent.call("open", folder, { ...manual, agentId: `agent-${n}` })),
  );
  const { activeAgentOps } = await readManifest(folder);
  t.deepEqual(
    agents.map((_, n) => Object.hasOwn(activeAgentOps, `agent-${n}`)),
    agents.map(() => true),
  );
  await Promise.all(agents.map((agent, n) => agent.call("set", `id-${n}`, { n })));
  t.is(Object.keys(await recordsIn(folder)).length, 8);
});

for (const agentId of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
  test(`open() of the agent ${agentId}, beside another, works as under any name`, async (t) => {
    const folder = await temporaryFolder(t);
    const [odd, other] = [await openAgent(t, folder, agentId), await openAgent(t, folder, "other")];
    await odd.set("a", { n: 1 });
    await odd.batch(() => odd.set("b", { n: 2 }));
    await other.compact();
    await odd.set("c", { n: 3 });
    t.true(await odd.undo());
    await odd.delete("a");
    t.deepEqual(await recordsIn(folder), { b: { n: 2 } });
    await odd.close();
    const again = await openAgent(t, folder, agentId);
    t.deepEqual(again.entries(), [["b", { n: 2 }]]);
  });
}

test("open() with 0.8.1, agents of ours wrote, compacted and were not closed, shows the same records", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  for (let n = 0; n < 20; n++) await (n % 2 === 0 ? one : other).set(`id-${n % 7}`, { n });
  await one.compact();
  await other.set("id-1", { n: 21 });
  await one.delete("id-2");
  await other.refresh();
  await one.refresh();
  const sorted = (entries) => entries.sort(([a], [b]) => (a < b ? -1 : 1));
  const options = { agentId: "third", checkpointOnClose: false };
  const seen = await reopened(original.Store, folder, (store) => store.entries(), options);
  t.deepEqual(sorted(seen), sorted(one.entries()));
  t.true((await readdir(join(folder, "snapshots"))).every((name) => name.startsWith("snap-")));
});
