/** The compaction lock of a backend that another writer holds, or that cannot be taken: nothing resolves that was not made. */
import test from "ava";
import { Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

async function open(backend, options = {}) {
  const store = new Store();
  await store.open("ignored", { ...manual, backend, ...options });
  return store;
}

/** Lets the clock of the stores run fast, so that waiting for a lock takes no time. */
function fastClock(t) {
  const usual = Date.now;
  let ahead = 0;
  Date.now = () => usual() + (ahead += 1000);
  t.teardown(() => (Date.now = usual));
}

const refused = { code: "OPSLOG_LOCKED", message: "Compaction lock held by another agent" };
const grown = (record) => ({ ...record, v: 2 });

for (const conditional of [false, true]) {
  const how = conditional ? "with conditional writes" : "without conditional writes";

  test.serial(`compact() waits for the lock, and rejects when it is held for too long, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const store = await open(memoryBackend(bucket, { conditional }), { agentId: "one" });
    await store.set("a", { n: 1 });
    const { currentSnapshot } = bucket.manifest;
    bucket.locks.add("compaction");
    setTimeout(() => bucket.locks.clear(), 100);
    await store.compact();
    t.not(bucket.manifest.currentSnapshot, currentSnapshot);
    const made = bucket.manifest.currentSnapshot;
    await store.set("b", { n: 1 });
    bucket.locks.add("compaction");
    fastClock(t);
    await t.throwsAsync(store.compact(), refused);
    t.is(bucket.manifest.currentSnapshot, made);
    await t.throwsAsync(
      store.archive(() => true, "past"),
      refused,
    );
    t.is(bucket.manifest.currentSnapshot, made);
    t.is(store.stats().opsCount, 1);
    bucket.locks.clear();
    await store.close();
  });

  test.serial(
    `compact(), the lock cannot be taken, rejects with what the backend said, ${how}`,
    async (t) => {
      const bucket = memoryBucket();
      const backend = memoryBackend(bucket, { conditional });
      const store = await open(backend, { agentId: "one" });
      await store.set("a", { n: 1 });
      const { currentSnapshot } = bucket.manifest;
      backend.acquireCompactionLock = async () => {
        throw Object.assign(new Error("out of reach"), { code: "ECONNRESET" });
      };
      await t.throwsAsync(store.compact(), { code: "ECONNRESET" });
      t.is(bucket.manifest.currentSnapshot, currentSnapshot);
      await store.close();
    },
  );

  test.serial(
    `an automatic checkpoint leaves the work to the agent that holds the lock, ${how}`,
    async (t) => {
      const bucket = memoryBucket();
      const store = await open(memoryBackend(bucket, { conditional }), {
        agentId: "one",
        checkpointThreshold: 2,
        checkpointOnClose: true,
      });
      const { currentSnapshot } = bucket.manifest;
      bucket.locks.add("compaction");
      for (let n = 0; n < 5; n++) await store.set(`id-${n}`, { n });
      await store.refresh();
      t.is(bucket.manifest.currentSnapshot, currentSnapshot);
      t.is(store.count(), 5);
      await store.close();
      t.is(bucket.manifest.currentSnapshot, currentSnapshot);
      bucket.locks.clear();
      const later = await open(memoryBackend(bucket, { conditional }), { agentId: "one" });
      t.is(later.count(), 5);
      await later.close();
    },
  );

  test.serial(
    `open() with the new version waits for the lock to store what it migrated, and rejects when it cannot, ${how}`,
    async (t) => {
      const bucket = memoryBucket();
      const old = await open(memoryBackend(bucket, { conditional }), { agentId: "one", version: 1 });
      await old.set("a", { n: 1 });
      await old.close();
      const backend = memoryBackend(bucket, { conditional });
      const { createAgentOpsFile, writeSnapshot } = backend;
      /** Another agent begins to compact when this one is registered. */
      const hold = async (...args) => {
        backend.after = async (name) => {
          if (name === "releaseCompactionLock") bucket.locks.add("compaction");
        };
        return createAgentOpsFile(...args);
      };
      backend.createAgentOpsFile = hold;
      const program = { agentId: "two", version: 2, migrate: grown };
      let snapshots = 0;
      backend.writeSnapshot = (...args) => {
        snapshots++;
        return writeSnapshot(...args);
      };
      setTimeout(() => {
        backend.after = async () => {};
        bucket.locks.clear();
      }, 300);
      const next = await open(backend, program);
      t.is(snapshots, 1);
      t.is(bucket.manifest.version, 2);
      await next.close();
      fastClock(t);
      bucket.locks.clear();
      const again = memoryBackend(bucket, { conditional });
      const last = { agentId: "three", version: 3, migrate: (record) => ({ ...record, v: 3 }) };
      const { createAgentOpsFile: create } = again;
      again.createAgentOpsFile = async (...args) => {
        again.after = async (name) => {
          if (name === "releaseCompactionLock") bucket.locks.add("compaction");
        };
        return create(...args);
      };
      await t.throwsAsync(open(again, last), refused);
      t.is(bucket.manifest.version, 2);
      again.after = async () => {};
      bucket.locks.clear();
      const reader = await open(memoryBackend(bucket), { readOnly: true });
      t.deepEqual(reader.entries(), [["a", { n: 1, v: 2 }]]);
      await reader.close();
    },
  );

  test.serial(
    `archive() of what another agent has changed or deleted leaves it, and counts each record once, ${how}`,
    async (t) => {
      const bucket = memoryBucket();
      const one = await open(memoryBackend(bucket, { conditional }), { agentId: "one" });
      const two = await open(memoryBackend(bucket, { conditional }), { agentId: "two" });
      for (const id of ["changed", "deleted", "kept", "gone"]) await one.set(id, { n: 1 });
      await two.refresh();
      await one.set("changed", { n: 2 });
      await one.delete("deleted");
      t.is(await two.archive((_, id) => id !== "kept", "past"), 1);
      t.deepEqual(two.entries(), [
        ["changed", { n: 2 }],
        ["kept", { n: 1 }],
      ]);
      t.deepEqual([...(await two.loadArchive("past")).keys()], ["gone"]);
      t.is(bucket.manifest.stats.archivedRecords, 1);
      // A record of that id once more: the segment has it already.
      await one.set("gone", { n: 3 });
      await two.refresh();
      t.is(await two.archive((_, id) => id === "gone", "past"), 1);
      t.is(bucket.manifest.stats.archivedRecords, 1);
      t.deepEqual((await two.loadArchive("past")).get("gone"), { n: 3 });
      await one.close();
      await two.close();
    },
  );
}
