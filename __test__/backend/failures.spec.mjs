/** Appends through a backend that fail, or whose log another agent seals: nothing else is taken along. */
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { carriers, runSchedule } from "../helpers/failing-schedules.mjs";
import { gate, memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

const SEEDS = Number(process.env.OPSLOG_SCHEDULE_SEEDS ?? 4);
const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

/** An FsBackend whose n-th append from now fails. */
class FailingAppends extends FsBackend {
  failAt = 0;

  async appendOps(path, operations) {
    if (this.failAt > 0 && --this.failAt === 0)
      throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    return super.appendOps(path, operations);
  }
}

async function openStore(t, folder, options) {
  const backend = options.backend ?? new FailingAppends();
  const store = new Store();
  await store.open(folder, { ...manual, ...options, backend });
  t.teardown(() => store.close().catch(() => {}));
  return { store, backend };
}

for (const failing of [1, 2, 3]) {
  test(`set(), append ${failing} of a burst over the threshold fails, keeps older records`, async (t) => {
    const folder = await temporaryFolder(t);
    const { store, backend } = await openStore(t, folder, { checkpointThreshold: 3 });
    await store.set("old", { n: 1 });
    await store.set("x", { n: 1 });
    backend.failAt = failing;
    const burst = [store.set("y", { n: 2 }), store.set("old", { n: 2 }), store.set("z", { n: 2 })];
    const results = await Promise.allSettled(burst);
    t.deepEqual(
      results.map(({ status }) => status === "rejected"),
      [1, 2, 3].map((nth) => nth === failing),
    );
    const expected = [
      ["old", { n: failing === 2 ? 1 : 2 }],
      ["x", { n: 1 }],
    ];
    if (failing !== 1) expected.push(["y", { n: 2 }]);
    if (failing !== 3) expected.push(["z", { n: 2 }]);
    t.deepEqual(store.entries(), expected);
    t.is(store.count(), expected.length);
    await store.close();
    t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), expected);
  });
}

test("set(), another agent seals the log in a burst over the threshold, keeps older records", async (t) => {
  const bucket = memoryBucket();
  const open = (agentId, options) =>
    openStore(t, "ignored", { backend: memoryBackend(bucket), agentId, ...options });
  const { store: one, backend } = await open("one", { checkpointThreshold: 3 });
  const { store: other } = await open("other");
  await one.set("old", { n: 1 });
  await one.set("x", { n: 1 });
  const second = gate(backend, "appendOps");
  const burst = [one.set("y", { n: 2 })];
  await second.reached;
  burst.push(one.set("old", { n: 2 }), one.set("z", { n: 2 }));
  const third = gate(backend, "appendOps");
  second.open();
  await third.reached;
  await other.compact();
  third.open();
  await Promise.all(burst);
  const expected = { old: { n: 2 }, x: { n: 1 }, y: { n: 2 }, z: { n: 2 } };
  t.like(Object.fromEntries(one.entries()), expected);
  t.is(one.count(), 4);
  await one.close();
  await other.refresh();
  t.deepEqual(Object.fromEntries(other.entries()), expected);
});

test("undo() by an agent within a batch keeps the rest of the batch", async (t) => {
  const folder = await temporaryFolder(t);
  const { store } = await openStore(t, folder, { agentId: "one" });
  await store.batch(() => ["a", "b", "c"].forEach((id) => store.set(id, { n: 1 })));
  t.true(await store.undo());
  const expected = [
    ["a", { n: 1 }],
    ["b", { n: 1 }],
  ];
  t.deepEqual(store.entries(), expected);
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), expected);
  t.true(await store.undo());
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), expected.slice(0, 1));
});

test("set() that fills the buffer, whose flush fails while a batch waits, is taken back alone", async (t) => {
  const folder = await temporaryFolder(t);
  const { store, backend } = await openStore(t, folder, {
    writeMode: "group",
    groupCommitSize: 2,
    groupCommitMs: 60_000,
  });
  await store.set("a", { n: 1 });
  backend.failAt = 1;
  const filling = store.set("b", { n: 1 });
  const batch = store.batch(() => ["c", "d"].forEach((id) => store.set(id, { n: 1 })));
  await t.throwsAsync(filling, { message: /no space left/ });
  await batch;
  const expected = ["a", "c", "d"].map((id) => [id, { n: 1 }]);
  t.deepEqual(store.entries(), expected);
  await store.close();
  t.deepEqual(await storedEntries(Store, folder, { readOnly: true }), expected);
});

const modes = {
  "one writer": { writeMode: "immediate" },
  "one writer in group mode": { writeMode: "group" },
  "one writer in async mode": { writeMode: "async" },
  "two agents": { agents: ["x.", "y."] },
};
for (const carrier of Object.keys(carriers)) {
  for (const [who, mode] of Object.entries(modes)) {
    test(`calls of ${who} through ${carrier} that fail at random lose nothing else`, async (t) => {
      t.timeout(300_000);
      for (let seed = 1; seed <= SEEDS; seed++) {
        const folder = await temporaryFolder(t);
        t.deepEqual(await runSchedule({ seed, carrier, folder, bursts: 15, ...mode }), [], `seed ${seed}`);
      }
    });
  }
}
