/** An agent that appends reads what others wrote before they compact, soon after its appends and without being asked. */
import { setImmediate as turn } from "node:timers/promises";
import test from "ava";
import agentsLock from "../../lib/folder/agents-lock.js";
import { openAgent, recordsIn } from "../helpers/agents.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

/** More than an agent leaves unread. */
const MUCH = 100;
const long = "x".repeat(1000);

async function withTwo(t, options) {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one", options), await openAgent(t, folder, "other")];
  // That the other one opened is news that an append must know.
  await one.set("first", {});
  return { folder, one, other };
}

async function writeMuch(store, value = long) {
  for (let n = 0; n < MUCH; n++) await store.set(`id-${n}`, { value });
}

/** So many appends that it is looked at how much others wrote, each in a turn of its own. */
async function appendSome(store, append = (n) => store.set(`own-${n}`, { n })) {
  for (let n = 0; n < 8; n++) {
    await append(n);
    await turn();
  }
}

const appends = {
  "set()": undefined,
  "delete()": (store) => async (n) => {
    await store.set(`own-${n}`, { n });
    await turn();
    await store.delete(`own-${n}`);
  },
  "batch()": (store) => (n) => store.batch((batch) => ["a", "b"].forEach((id) => batch.set(id, { n }))),
};

for (const [name, append] of Object.entries(appends)) {
  test(`what another agent wrote is read after ${name}`, async (t) => {
    const { one, other } = await withTwo(t);
    await writeMuch(other);
    t.is(one.get("id-0"), undefined);
    await appendSome(one, append?.(one));
    t.is(one.get("id-0").value, long);
    t.is(one.getOps().filter(({ id }) => id.startsWith("id-")).length, MUCH);
  });
}

test("objects that were handed out before stay, and the next look tells of all operations", async (t) => {
  const { one, other } = await withTwo(t);
  await other.set("id-0", { value: "before" });
  await one.tail();
  const before = one.get("id-0");
  await writeMuch(other);
  await appendSome(one);
  t.deepEqual(before, { value: "before" });
  t.is(one.get("id-0").value, long);
  const told = await one.tail();
  t.deepEqual(
    told.map(({ id }) => id),
    Array.from({ length: MUCH }, (_, n) => `id-${n}`),
  );
});

test("little is left for the next look", async (t) => {
  const { one, other } = await withTwo(t);
  await other.set("id-0", { value: long });
  await appendSome(one);
  t.is(one.get("id-0"), undefined);
  await one.refresh();
  t.is(one.get("id-0").value, long);
});

test("with skipLoad nothing is read", async (t) => {
  const { one, other } = await withTwo(t, { skipLoad: true });
  await writeMuch(other);
  await appendSome(one);
  t.is((await one.tail()).filter(({ id }) => id.startsWith("id-")).length, MUCH);
});

test("a store that is closed right after an append reads nothing more", async (t) => {
  const { folder, one, other } = await withTwo(t);
  for (let round = 0; round < 4; round++) {
    await writeMuch(other, `${round}${long}`);
    await one.set("own", { round });
  }
  await one.close();
  await turn();
  t.is((await recordsIn(folder)).own.round, 3);
});

test("an agent that takes back what was read ahead is followed", async (t) => {
  const { one, other } = await withTwo(t);
  await writeMuch(other);
  await appendSome(one);
  await other.undo();
  await one.refresh();
  t.is(one.get(`id-${MUCH - 1}`), undefined);
  t.is(one.count(), MUCH - 1 + 8 + 1);
});

test("what goes wrong while others are read ahead ends no process, and it is tried again", async (t) => {
  const calls = [];
  const core = { readAhead: () => calls.push("readAhead") > 0 };
  const following = {
    isSteady: true,
    takeForeign() {
      calls.push("takeForeign");
      throw new Error("migrate() does not know this record");
    },
  };
  const displaced = { forget: () => calls.push("forget") };
  const lock = new agentsLock.AgentsLock(core, { following, displaced, isAgent: true });
  for (let n = 0; n < 2; n++) {
    lock.readAhead();
    lock.readAhead();
    await turn();
  }
  t.deepEqual(calls, ["readAhead", "forget", "takeForeign", "readAhead", "forget", "takeForeign"]);
});
