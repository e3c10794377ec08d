/** An agent closes whose log another one has sealed meanwhile: the sealed log stays as it is. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { openAgent } from "../helpers/agents.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

/** With these a log is long enough to get an index when it is sealed. */
const long = { text: "x".repeat(1000) };
const MANY = 20;

const logsIn = async (folder) => {
  const names = (await readdir(join(folder, "ops"))).toSorted();
  return Promise.all(names.map(async (name) => [name, await readFile(join(folder, "ops", name), "utf8")]));
};

const seals = {
  "another agent, without a look": (one) => one.compact(),
  "another agent, and a look": async (one, other) => {
    await one.compact();
    await other.tail();
  },
  itself: (one, other) => other.compact(),
};

for (const [who, seal] of Object.entries(seals)) {
  test(`close() of an agent with a batch in its log, sealed by ${who}, leaves log and index alike`, async (t) => {
    const folder = await temporaryFolder(t);
    const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
    await other.batch((batch) => ["x", "y"].forEach((id) => batch.set(id, long)));
    for (let n = 0; n < MANY; n++) await other.set(`id-${n}`, long);
    await seal(one, other);
    const sealed = (await logsIn(folder)).filter(([, text]) => text !== "");
    await other.close();
    t.deepEqual(
      (await logsIn(folder)).filter(([, text]) => text !== ""),
      sealed,
    );
    t.deepEqual((await Store.verify(folder)).damage, []);
    const [byId, all] = [[], []];
    for await (const { batch } of one.changes({ id: "y" })) byId.push(batch);
    for await (const { id, batch } of one.changes()) if (id === "y") all.push(batch);
    t.deepEqual(byId, all);
  });
}

test("close() of an agent with a batch in its log, which is in force, settles the log", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = await openAgent(t, folder, "one");
  await agent.batch((batch) => ["x", "y"].forEach((id) => batch.set(id, {})));
  const [[, before]] = await logsIn(folder);
  await agent.close();
  const [[, after]] = await logsIn(folder);
  t.is(after.length, before.length);
  t.not(after, before);
});
