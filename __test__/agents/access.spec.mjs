import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { manual, openAgent, recordsIn } from "../helpers/agents.mjs";
import { original } from "../helpers/original.mjs";
import { openInProcess, startStoreProcess } from "../helpers/processes.mjs";
import { contents, readManifest, reopened, temporaryFolder } from "../helpers/store-folder.mjs";

async function twoAgentsWrote(t) {
  const folder = await temporaryFolder(t);
  for (const [n, name] of ["one", "other"].entries()) {
    const store = await openAgent(t, folder, name);
    await store.set(name, { n });
    await store.set("common", { name });
    await store.close();
  }
  return folder;
}

const both = { one: { n: 0 }, other: { n: 1 }, common: { name: "other" } };

test("open() of a reader with an agentId, the agent is not registered, writes nothing", async (t) => {
  const folder = await twoAgentsWrote(t);
  const before = await contents(folder);
  t.deepEqual(await recordsIn(folder, { readOnly: true, agentId: "third" }), both);
  t.deepEqual(await contents(folder), before);
});

test("open() of a reader without agentId, several agents wrote, shows all of them", async (t) => {
  const folder = await twoAgentsWrote(t);
  t.deepEqual(await recordsIn(folder), both);
});

test("refresh() of a reader without agentId, agents go on and compact, shows all of them", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  t.teardown(() => reader.close());
  await one.set("one", { n: 1 });
  await other.compact();
  await other.set("other", { n: 2 });
  await reader.refresh();
  t.deepEqual(Object.fromEntries(reader.entries()), { one: { n: 1 }, other: { n: 2 } });
});

test("open() without agentId, agents wrote and are gone, keeps their operations and writes above them", async (t) => {
  const folder = await twoAgentsWrote(t);
  await reopened(Store, folder, async (store) => {
    t.deepEqual(Object.fromEntries(store.entries()), both);
    await store.set("common", { name: "writer" });
    await store.set("new", { n: 2 });
  });
  const expected = { ...both, common: { name: "writer" }, new: { n: 2 } };
  t.deepEqual(await recordsIn(folder), expected);
  const agent = await openAgent(t, folder, "one");
  t.deepEqual(Object.fromEntries(agent.entries()), expected);
});

test("open() without agentId, an agent holds the folder, rejects with OPSLOG_LOCKED or loses nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openInProcess(t, folder, { ...manual, agentId: "one" });
  await agent.call("set", "agent", { n: 1 });
  const writer = new Store();
  const opened = await writer.open(folder, manual).then(
    () => true,
    (error) => error,
  );
  if (opened === true) {
    await writer.set("writer", { n: 2 });
    await agent.call("set", "late", { n: 3 });
    await writer.compact();
    await writer.close();
    t.deepEqual(await recordsIn(folder), { agent: { n: 1 }, writer: { n: 2 }, late: { n: 3 } });
  } else {
    t.is(opened.code, "OPSLOG_LOCKED");
    await agent.call("set", "late", { n: 3 });
    t.deepEqual(await recordsIn(folder), { agent: { n: 1 }, late: { n: 3 } });
  }
});

for (const isOriginal of [false, true]) {
  const Kind = isOriginal ? original.Store : Store;
  const who = isOriginal ? "a single writer of 0.8.1" : "a single writer";
  test(`open() of an agent, ${who} holds the folder, rejects with OPSLOG_LOCKED`, async (t) => {
    const folder = await temporaryFolder(t);
    const holder = await openInProcess(t, folder, manual, { original: isOriginal });
    await holder.call("set", "single", { n: 1 });
    await t.throwsAsync(new Store().open(folder, { agentId: "one" }), { code: "OPSLOG_LOCKED" });
    await holder.call("set", "single", { n: 2 });
    await holder.call("close");
    const agent = await openAgent(t, folder, "one");
    t.deepEqual(agent.entries(), [["single", { n: 2 }]]);
  });

  test(`open() of an agent, ${who} wrote before and in between, takes its log in each time`, async (t) => {
    const folder = await temporaryFolder(t);
    const alone = (write) => reopened(Kind, folder, write, { checkpointThreshold: Infinity });
    await alone((store) => store.set("first", { n: 1 }));
    const agent = await openAgent(t, folder, "one");
    await agent.set("agent", { n: 2 });
    await agent.close();
    t.deepEqual(await recordsIn(folder), { first: { n: 1 }, agent: { n: 2 } });
    // Read alone, 0.8.1 knows no agents; ours does.
    if (isOriginal) return;
    await alone((store) => store.set("second", { n: 3 }));
    const again = await openAgent(t, folder, "one");
    const expected = { first: { n: 1 }, agent: { n: 2 }, second: { n: 3 } };
    t.deepEqual(Object.fromEntries(again.entries()), expected);
    await again.compact();
    t.deepEqual(await recordsIn(folder), expected);
  });
}

test("open() of a second store with the same agentId, in this process and another, rejects with OPSLOG_LOCKED", async (t) => {
  const folder = await temporaryFolder(t);
  const first = await openAgent(t, folder, "one");
  await t.throwsAsync(new Store().open(folder, { agentId: "one" }), { code: "OPSLOG_LOCKED" });
  const stranger = await startStoreProcess(t);
  await t.throwsAsync(stranger.call("open", folder, { agentId: "one" }), { code: "OPSLOG_LOCKED" });
  await first.set("a", { n: 1 });
  await first.close();
  await t.notThrowsAsync(stranger.call("open", folder, { agentId: "one" }));
  await t.throwsAsync(new Store().open(folder, { agentId: "one" }), { code: "OPSLOG_LOCKED" });
  await stranger.kill();
  t.deepEqual((await openAgent(t, folder, "one")).entries(), [["a", { n: 1 }]]);
});

test("compact() and archive() of an agent, a dead process left .compact-lock, take it over", async (t) => {
  const folder = await temporaryFolder(t);
  const dead = await startStoreProcess(t);
  await dead.kill();
  const agent = await openAgent(t, folder, "one");
  await agent.set("a", { n: 1 });
  await agent.set("b", { n: 2 });
  const { currentSnapshot } = await readManifest(folder);
  await writeFile(join(folder, ".compact-lock"), String(dead.pid));
  await agent.compact();
  t.not((await readManifest(folder)).currentSnapshot, currentSnapshot);
  await writeFile(join(folder, ".compact-lock"), String(dead.pid));
  t.is(await agent.archive((_, id) => id === "a", "2024-Q1"), 1);
  await t.throwsAsync(access(join(folder, ".compact-lock")), { code: "ENOENT" });
  t.deepEqual(await recordsIn(folder), { b: { n: 2 } });
  t.deepEqual([...(await agent.loadArchive("2024-Q1")).keys()], ["a"]);
});

test("archive() of an agent, a living 0.8.1 holds .compact-lock, either rejects or archives, and says which", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openAgent(t, folder, "one");
  await agent.set("a", { n: 1 });
  const holder = await startStoreProcess(t);
  await holder.call("holdFile", join(folder, ".compact-lock"));
  await holder.call("writeHeldFile", String(holder.pid));
  await t.throwsAsync(
    agent.archive(() => true, "2024-Q1"),
    { code: "OPSLOG_LOCKED" },
  );
  t.is(await readFile(join(folder, ".compact-lock"), "utf8"), String(holder.pid));
  t.deepEqual(agent.entries(), [["a", { n: 1 }]]);
  await agent.set("b", { n: 2 });
  t.deepEqual(await recordsIn(folder), { a: { n: 1 }, b: { n: 2 } });
});
