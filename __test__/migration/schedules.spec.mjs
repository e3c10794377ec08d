/** Random schedules of stores of several schema versions on one place, with an oracle that knows what each must show. */
import test from "ava";
import { Store } from "../../index.mjs";
import { gate, memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { memoryFolder } from "../helpers/memory-folder.mjs";
import { Schedule } from "../helpers/schema-versions.mjs";

const agentOptions = ({ isReader, name }) => (isReader ? {} : { agentId: name });

/** Where stores meet: `place(actor)` says where an actor's store is, `agents` how many writers there are. */
const kinds = {
  "that are agents in a folder": {
    seeds: 40,
    makePlace(t) {
      const { folder, remove } = memoryFolder();
      t.teardown(remove);
      return (actor) => ({ folder, options: agentOptions(actor) });
    },
  },
  "that are agents through a backend": {
    seeds: 20,
    makePlace() {
      const bucket = memoryBucket();
      return (actor) => ({
        folder: "bucket",
        options: { ...agentOptions(actor), backend: memoryBackend(bucket) },
      });
    },
  },
  "that are agents through a backend with conditional writes": {
    seeds: 20,
    makePlace() {
      const bucket = memoryBucket();
      return (actor) => ({
        folder: "bucket",
        options: { ...agentOptions(actor), backend: memoryBackend(bucket, { conditional: true }) },
      });
    },
  },
  "with one writer in a folder": {
    seeds: 15,
    steps: 200,
    agents: 1,
    makePlace(t) {
      const { folder, remove } = memoryFolder();
      t.teardown(remove);
      return () => ({ folder, options: {} });
    },
  },
  "with one writer through a backend": {
    seeds: 15,
    steps: 200,
    agents: 1,
    makePlace() {
      const bucket = memoryBucket();
      return () => ({ folder: "bucket", options: { backend: memoryBackend(bucket) } });
    },
  },
};

for (const [kind, { seeds, steps = 60, makePlace, agents }] of Object.entries(kinds)) {
  test(`random schedules of stores of several versions ${kind}, migrate each record once and refuse programs that are too old`, async (t) => {
    const total = {};
    for (let seed = 1; seed <= seeds; seed++) {
      const schedule = new Schedule(seed, makePlace(t), { agents });
      const violations = await schedule.run(steps);
      if (violations.length > 0) {
        t.fail(`seed ${seed}: ${violations[0]}\n${schedule.log}`);
        return;
      }
      for (const [name, count] of Object.entries(schedule.counts)) total[name] = (total[name] ?? 0) + count;
    }
    t.log(JSON.stringify(total));
    for (const name of Object.keys(total)) t.true(total[name] > 0, `${name}: ${total[name]}`);
  });
}

for (const conditional of [false, true]) {
  const how = conditional ? "with conditional writes" : "without conditional writes";
  test(`refresh() of a reader, its manifest is that before an agent's migration and a log has what came behind it, migrates no value twice, ${how}`, async (t) => {
    const bucket = memoryBucket();
    const open = async (backend, options) => {
      const store = new Store();
      t.teardown(() => store.close().catch(() => {}));
      await store.open("bucket", { backend, checkpointOnClose: false, ...options });
      return store;
    };
    const backend = () => memoryBackend(bucket, { conditional });
    const program = { version: 2, migrate: (record) => ({ v: record.v + 1 }) };
    const old = await open(backend(), { agentId: "old", version: 1 });
    await old.set("a", { v: 1 });
    await old.close();
    const reading = backend();
    const reader = await open(reading, { readOnly: true, ...program });
    const writing = backend();
    // All logs are sealed by then.
    const snapshot = gate(writing, "writeSnapshot");
    const opened = open(writing, { agentId: "new", ...program });
    await snapshot.reached;
    const migratesAndWrites = async () => {
      snapshot.open();
      const store = await opened;
      await store.set("b", { v: 2 });
    };
    let written;
    reading.before = async (method) => {
      if (method === "readOps") await (written ??= migratesAndWrites());
    };
    await reader.refresh();
    const shown = [
      ["a", { v: 2 }],
      ["b", { v: 2 }],
    ];
    t.deepEqual(reader.entries(), shown);
    await reader.refresh();
    t.deepEqual(reader.entries(), shown);
  });
}
